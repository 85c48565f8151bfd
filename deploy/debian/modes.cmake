# cpack runs this before it packs: directories are everybody's to read, whatever the umask of who
# builds. (CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS passes through the umask.)
file(GLOB top LIST_DIRECTORIES true "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*")
file(CHMOD_RECURSE ${top} DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
     GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
