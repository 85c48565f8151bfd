# Writes the status page's files into a header, as string literals: status_files.h in the build
# folder. A file that is changed or added makes CMake run again by itself.
file(GLOB status_files CONFIGURE_DEPENDS
     ${CMAKE_CURRENT_LIST_DIR}/*.html ${CMAKE_CURRENT_LIST_DIR}/*.css
     ${CMAKE_CURRENT_LIST_DIR}/*.js ${CMAKE_CURRENT_LIST_DIR}/*.svg)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${status_files})

set(entries "")
foreach(path IN LISTS status_files)
  get_filename_component(name ${path} NAME)
  file(READ ${path} content)
  string(APPEND entries "    {\"${name}\", R\"~file~(${content})~file~\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/status_files.h @ONLY CONTENT [=[
// Made by gateway/admin/status/embed.cmake.
#pragma once

#include <string_view>
#include <utility>

namespace zerogate {

inline constexpr std::pair<std::string_view, std::string_view> kStatusFiles[] = {
@entries@};

}  // namespace zerogate
]=])
