// The command line: argv becomes a command, and the program does it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "gateway/ask/backends_command.h"
#include "gateway/ask/clients_command.h"
#include "gateway/ask/healthcheck_command.h"
#include "gateway/config/load_config.h"

namespace zerogate {

class Functions;

struct ServeCommand {
  std::string config_file;  ///< empty: none was named
  Overrides flags;
};

struct CheckCommand {
  std::string config_file;
  Overrides flags;
  bool diff = false;  ///< from what runs
};

struct FunctionsCommand {
  std::string config_file;
  Overrides flags;
  bool as_json = false;
};

struct CallCommand {
  std::string url;
  std::string function;
  std::string json = "null";    ///< the argument; not yet checked to be JSON
  uint32_t timeout_ms = 5'000;  ///< for connecting, and again for the answer
};

struct KeysCommand {
  std::string kind;  ///< "curve"
  std::string name;  ///< of the files, perhaps with a folder
};

/// As the words stand; run_bench() reads them, since what they may be is the load's business.
struct BenchCommand {
  std::string url;
  std::string function;
  std::string json = "null";
  std::string expect;  ///< JSON; empty: any result will do
  std::string connections = "16";
  std::string depth;  ///< empty: 1, or 64 with a rate
  std::string rate;   ///< empty: a closed loop
  std::string duration = "10s";
  std::string warmup = "1s";
  std::string timeout = "5s";
  std::string ca;  ///< files of a server by tls://; empty: not said
  std::string cert;
  std::string key;
  bool as_json = false;
};

/// Print this on stdout, status 0: --help and --version.
struct PrintCommand {
  std::string text;
};

/// Print this on stderr, status 2: one line with its fix, or the help when nothing was asked for.
struct UsageError {
  std::string text;
};

using Command = std::variant<ServeCommand, CheckCommand, FunctionsCommand, CallCommand,
                             BenchCommand, HealthcheckCommand, ClientsCommand, BackendsCommand,
                             KeysCommand, PrintCommand, UsageError>;

/// Reads nothing but its arguments, those behind the program's name. All texts end in a line break.
Command parse_command_line(const std::vector<std::string>& arguments,
                           const SettingsTable& table = settings());

/// Does what the command line asks for and returns the exit status. Once, on the main thread.
int main(int argc, char** argv);
/// The same for a gateway with a team's own functions in place of hello_world and the like.
int main(int argc, char** argv, const Functions& functions);

}  // namespace zerogate
