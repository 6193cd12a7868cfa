# The GPU target, a library of its own that is found beside the first one while running. It needs
# CUDA's headers alone: the driver, NVRTC, cuBLASLt and cuDNN are loaded when they are needed.
find_package(CUDAToolkit QUIET)
if(NOT CUDAToolkit_FOUND OR NOT DRAWBAR_CUDA)
  message(STATUS "without the CUDA target")
  return()
endif()

file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS targets/cuda/*.cc ops/*/cuda*.cc)
list(FILTER cuda_sources EXCLUDE REGEX "(_test|/test|_bench|/bench)\\.cc$")
# cuDNN's headers come with the toolkit or, as Python's package, from a folder of their own.
find_path(CUDNN cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
if(NOT CUDNN)
  message(STATUS "the CUDA target is built without cuDNN")
  list(FILTER cuda_sources EXCLUDE REGEX "cudnn")
endif()
file(GLOB_RECURSE device_sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cuh)
list(TRANSFORM device_sources PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" OUTPUT_VARIABLE device_files)

set(embedded ${CMAKE_CURRENT_BINARY_DIR}/device_sources.cc)
add_custom_command(
  OUTPUT ${embedded}
  COMMAND ${CMAKE_COMMAND} "-DROOT=${CMAKE_CURRENT_SOURCE_DIR}" "-DFILES=${device_sources}" "-DOUTPUT=${embedded}"
          -P ${PROJECT_SOURCE_DIR}/cmake/embed_device_sources.cmake
  DEPENDS ${device_files} ${PROJECT_SOURCE_DIR}/cmake/embed_device_sources.cmake
  VERBATIM)

add_library(drawbar_cuda SHARED ${cuda_sources} ${embedded})
target_link_libraries(drawbar_cuda PRIVATE drawbar)
target_include_directories(drawbar_cuda SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS} $<$<BOOL:${CUDNN}>:${CUDNN}>)
add_dependencies(drawbar_cli drawbar_cuda)  # whoever builds the command line has its targets
install(TARGETS drawbar_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
set_source_files_properties(targets/cuda/target.cc PROPERTIES COMPILE_DEFINITIONS DRAWBAR_BUILD_ID="${DRAWBAR_BUILD_ID}")
