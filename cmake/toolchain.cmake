# The language, the warnings and the instrumentation every target is built with.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(Threads REQUIRED)

add_library(drawbar_options INTERFACE)
target_compile_options(drawbar_options INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers
                       -fno-math-errno -fno-trapping-math -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(drawbar_options INTERFACE -Wno-restrict)  # false alarms: GCC bug 105651
endif()
target_compile_definitions(drawbar_options INTERFACE $<$<BOOL:${DRAWBAR_VERIFY}>:DRAWBAR_VERIFY>)
target_include_directories(drawbar_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
find_path(FMT fmt/core.h REQUIRED)
target_include_directories(drawbar_options SYSTEM INTERFACE ${FMT})  # src/base/fmt.cc is its library
target_link_libraries(drawbar_options INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
if(DRAWBAR_SANITIZE)
  target_compile_options(drawbar_options INTERFACE -fsanitize=${DRAWBAR_SANITIZE} -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
  target_link_options(drawbar_options INTERFACE -fsanitize=${DRAWBAR_SANITIZE})
endif()
if(DRAWBAR_FUZZ)
  target_compile_options(drawbar_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(DRAWBAR_COVERAGE)
  target_compile_options(drawbar_options INTERFACE --coverage)
  target_link_options(drawbar_options INTERFACE --coverage)
endif()
