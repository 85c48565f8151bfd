// What the user wants, out of argv. Reads nothing but its arguments; main alone calls it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "gateway/config.h"

namespace zerogate {

struct ServeCommand {
  std::string config_file;  ///< empty: none was named
  Overrides flags;
};

struct CheckCommand {
  std::string config_file;
  Overrides flags;
};

struct CallCommand {
  std::string url;
  std::string function;
  std::string json = "null";    ///< the argument; not yet checked to be JSON
  uint32_t timeout_ms = 5'000;  ///< for connecting, and again for the answer
};

/// Print this on stdout, status 0: --help and --version.
struct PrintCommand {
  std::string text;
};

/// Print this on stderr, status 2: one line with its mend, or the help when nothing was asked for.
struct UsageError {
  std::string text;
};

using Command = std::variant<ServeCommand, CheckCommand, CallCommand, PrintCommand, UsageError>;

/// `arguments` are those behind the program's name. All texts end in a line break.
Command parse_command_line(const std::vector<std::string>& arguments);

}  // namespace zerogate
