# Libraries that a few operators use; without them those say that they are not there.
if(DRAWBAR_IMAGES)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(IMAGES REQUIRED libjpeg libpng libwebp libtiff-4 libopenjp2)
  file(GLOB image_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/ops/image_decoder/libraries/*.cc)
  set_source_files_properties(${image_sources} ops/image_decoder/image.cc PROPERTIES
                              COMPILE_DEFINITIONS DRAWBAR_IMAGES INCLUDE_DIRECTORIES "${IMAGES_INCLUDE_DIRS}")
  target_sources(drawbar PRIVATE ${image_sources})
  target_link_libraries(drawbar PRIVATE ${IMAGES_LINK_LIBRARIES})
endif()

if(DRAWBAR_REGEX)
  find_path(RE2_INCLUDE re2/re2.h REQUIRED)
  find_library(RE2 re2 REQUIRED)
  set_source_files_properties(ops/strings/regex.cc PROPERTIES COMPILE_DEFINITIONS DRAWBAR_REGEX)
  target_include_directories(drawbar SYSTEM PRIVATE ${RE2_INCLUDE})
  target_link_libraries(drawbar PRIVATE ${RE2})
endif()

if(DRAWBAR_ZLIB)
  find_package(ZLIB REQUIRED)
  set_source_files_properties(base/inflate.cc PROPERTIES COMPILE_DEFINITIONS DRAWBAR_ZLIB)
  target_link_libraries(drawbar PRIVATE $<BUILD_INTERFACE:ZLIB::ZLIB>)
endif()
