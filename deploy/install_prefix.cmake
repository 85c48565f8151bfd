# Runs at the time of `cmake --install`; deploy/install.cmake has set source, scratch, bindir, docdir.
set(prefix "${CMAKE_INSTALL_PREFIX}")
if(prefix STREQUAL "/usr")
  set(sysconfdir /etc)
else()
  set(sysconfdir "${prefix}/etc")
endif()

# What an administrator may have changed is kept. (In a package dpkg sees to that.)
function(install_configuration file name)
  get_filename_component(directory "${sysconfdir}/${name}" DIRECTORY)
  get_filename_component(name "${name}" NAME)
  if(EXISTS "$ENV{DESTDIR}${directory}/${name}")
    message(STATUS "Kept: $ENV{DESTDIR}${directory}/${name}")
  else()
    file(INSTALL DESTINATION "${directory}" TYPE FILE RENAME "${name}" PERMISSIONS ${ARGN}
         FILES "${source}/deploy/${file}")
  endif()
endfunction()
install_configuration(zerogate.yaml zerogate/zerogate.yaml
                      OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
install_configuration(systemd/zerogate.default default/zerogate OWNER_READ OWNER_WRITE)

file(READ "${source}/deploy/systemd/zerogate.service" unit)
string(REPLACE "/usr/bin/" "${prefix}/${bindir}/" unit "${unit}")
string(REPLACE "/usr/share/doc/zerogate" "${prefix}/${docdir}" unit "${unit}")
string(REPLACE "/etc/zerogate/" "${sysconfdir}/zerogate/" unit "${unit}")
string(REPLACE "/etc/default/" "${sysconfdir}/default/" unit "${unit}")
file(WRITE "${scratch}/installed/zerogate.service" "${unit}")
file(INSTALL DESTINATION "${prefix}/lib/systemd/system" TYPE FILE
     FILES "${scratch}/installed/zerogate.service")
