# `cmake --install` and the Debian package: what goes where. Included by CMakeLists.txt.
include(GNUInstallDirs)

install(TARGETS zerogate RUNTIME)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY deploy/prometheus grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/zerogate
        USE_SOURCE_PERMISSIONS PATTERN tests EXCLUDE)
# What the documents link to, in the folders where they look for it. What builds (deploy/run, that of
# an example, the packages) is of use in the sources only.
install(DIRECTORY deploy DESTINATION ${CMAKE_INSTALL_DOCDIR} USE_SOURCE_PERMISSIONS
        PATTERN deploy/debian EXCLUDE PATTERN deploy/prometheus EXCLUDE
        PATTERN deploy/systemd EXCLUDE PATTERN deploy/run EXCLUDE PATTERN deploy/sdk EXCLUDE
        PATTERN deploy/examples/*/run EXCLUDE
        PATTERN deploy/common.sh EXCLUDE PATTERN deploy/packages.txt EXCLUDE
        PATTERN deploy/*.cmake EXCLUDE PATTERN __pycache__ EXCLUDE)
file(RELATIVE_PATH data_from_docs /${CMAKE_INSTALL_DOCDIR} /${CMAKE_INSTALL_DATADIR}/zerogate)
foreach(link "grafana ${data_from_docs}/grafana" "LICENSE copyright"
             "deploy/prometheus ../${data_from_docs}/prometheus")
  string(REPLACE " " ";" link ${link})
  list(GET link 0 name)
  list(GET link 1 target)
  install(CODE "file(CREATE_LINK ${target}
                     \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/${name}\" SYMBOLIC)")
endforeach()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/installed)
foreach(page deploy/debian/zerogate.1 deploy/debian/zerogate.yaml.5 deploy/debian/changelog)
  get_filename_component(name ${page} NAME)
  execute_process(COMMAND gzip -9nc ${CMAKE_SOURCE_DIR}/${page} COMMAND_ERROR_IS_FATAL ANY
                  OUTPUT_FILE ${CMAKE_BINARY_DIR}/installed/${name}.gz)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/installed/zerogate.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_BINARY_DIR}/installed/zerogate.yaml.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${CMAKE_BINARY_DIR}/installed/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The rest depends on the prefix, which is known only when it is installed: /usr has its
# configuration in /etc, every other prefix in etc below itself; and the unit names the program.
install(CODE "set(source \"${CMAKE_SOURCE_DIR}\")
              set(scratch \"${CMAKE_BINARY_DIR}\")
              set(bindir \"${CMAKE_INSTALL_BINDIR}\")
              set(docdir \"${CMAKE_INSTALL_DOCDIR}\")")
install(SCRIPT deploy/install_prefix.cmake)

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # cpack packs what was built, tests or no tests
set(CPACK_PACKAGE_NAME zerogate)
set(CPACK_PACKAGE_VENDOR "Zerogate authors")
set(ZEROGATE_MAINTAINER "Zerogate authors <zerogate@localhost>" CACHE STRING
    "Maintainer of the Debian package: whoever builds it for others puts an address here")
set(CPACK_PACKAGE_CONTACT ${ZEROGATE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "gateway between the ZeroMQ and TCP protocols of Zero RPC")
set(CPACK_PACKAGE_DESCRIPTION
    "Serves functions to unchanged clients of Zero RPC (zeroapi for Python) over
raw TCP and over ZeroMQ at once, forwards calls of either protocol and every
version to servers of the other, and shows Prometheus metrics of all that.")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/deploy/debian/modes.cmake)
# With the true prefix, so that install_prefix.cmake sees it and /etc is /etc.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "redis-server, prometheus")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
foreach(script postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/deploy/debian/${script})
endforeach()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
