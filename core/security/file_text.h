// The text of a file that the configuration names, or that it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace zerogate {

struct FileRules {
  enum class Kind {
    file,       ///< no pipe, no device, no terminal: it is read again and again
    any,        ///< also what can be read only once, as in serve --config <(generate)
    repeatable  ///< any, but for what can be read only once: it has been read before
  };
  size_t most_bytes;
  std::string_view fix;             ///< what to do when it is not what it should be
  std::string_view modes = "0640";  ///< with which a group may read it
  Kind kind = Kind::file;
  int writer_patience_ms = 5'000;  ///< with a pipe that no process has opened to write
};

/// The whole text, or what is wrong with the file and would fix it, without the file's name. Waits
/// for a disk and for a pipe's writer, but not for one that does not come.
Result<std::string> read_file_text(const std::string& name, const FileRules& rules);

}  // namespace zerogate
