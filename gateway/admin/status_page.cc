#include "gateway/admin/status_page.h"

#include <map>

#include "status_files.h"  // made by the build

namespace zerogate {
namespace {

std::string type_of(std::string_view name) {
  const std::string_view ending = name.substr(name.rfind('.') + 1);
  if (ending == "html") {
    return "text/html; charset=utf-8";
  }
  if (ending == "css") {
    return "text/css; charset=utf-8";
  }
  if (ending == "js") {
    return "text/javascript; charset=utf-8";
  }
  if (ending == "svg") {
    return "image/svg+xml";
  }
  return "application/octet-stream";
}

using Files = std::map<std::string, StatusFile, std::less<>>;

Files all_files() {
  Files files;
  for (const auto& [name, content] : kStatusFiles) {
    files.emplace(name, StatusFile{type_of(name), std::make_shared<const std::string>(content)});
  }
  return files;
}

}  // namespace

const StatusFile* find_status_file(std::string_view name) {
  static const Files kFiles = all_files();
  const auto file = kFiles.find(name);
  return file == kFiles.end() ? nullptr : &file->second;
}

}  // namespace zerogate
