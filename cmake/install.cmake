# `cmake --install`: the library, the command line, the public headers, and what finds them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(drawbar PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_include_directories(drawbar INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(drawbar INTERFACE cxx_std_20)
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(drawbar_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${up}")
install(TARGETS drawbar EXPORT drawbar-targets)
install(TARGETS drawbar_cli)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/drawbar TYPE INCLUDE)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/drawbar)
install(EXPORT drawbar-targets NAMESPACE drawbar:: DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/drawbar-config.cmake.in
                              ${PROJECT_BINARY_DIR}/drawbar-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/drawbar-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/drawbar-config.cmake ${PROJECT_BINARY_DIR}/drawbar-config-version.cmake
        DESTINATION ${package})
file(RELATIVE_PATH to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/drawbar.pc.in ${PROJECT_BINARY_DIR}/drawbar.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/drawbar.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The manual page and the completions are printed by the command line itself.
foreach(made man completion)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/drawbar.${made} DEPENDS drawbar_cli
                     COMMAND drawbar_cli ${made} > ${PROJECT_BINARY_DIR}/drawbar.${made})
endforeach()
add_custom_target(drawbar_pages ALL DEPENDS ${PROJECT_BINARY_DIR}/drawbar.man ${PROJECT_BINARY_DIR}/drawbar.completion)
install(FILES ${PROJECT_BINARY_DIR}/drawbar.man DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 RENAME drawbar.1)
install(FILES ${PROJECT_BINARY_DIR}/drawbar.completion
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME drawbar)
