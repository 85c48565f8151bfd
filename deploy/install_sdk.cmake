# `cmake --install build --component sdk`: what a gateway with its own functions is built with. Not
# part of the package, whose users only run the program.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(zerogate_libraries ${CMAKE_INSTALL_LIBDIR}/zerogate)
install(TARGETS zerogate_core zerogate_handlers zerogate_gateway
        ARCHIVE DESTINATION ${zerogate_libraries} COMPONENT sdk EXCLUDE_FROM_ALL)
install(DIRECTORY core DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/zerogate
        COMPONENT sdk EXCLUDE_FROM_ALL FILES_MATCHING PATTERN *.h)
install(FILES deploy/sdk/zerogate.h deploy/sdk/zerogate_testing.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/zerogate
        COMPONENT sdk EXCLUDE_FROM_ALL)
configure_package_config_file(
  deploy/sdk/zerogate-config.cmake.in ${CMAKE_BINARY_DIR}/installed/zerogate-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/zerogate
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/installed/zerogate-config-version.cmake
                                 COMPATIBILITY ExactVersion)
install(FILES ${CMAKE_BINARY_DIR}/installed/zerogate-config.cmake
              ${CMAKE_BINARY_DIR}/installed/zerogate-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/zerogate COMPONENT sdk EXCLUDE_FROM_ALL)
