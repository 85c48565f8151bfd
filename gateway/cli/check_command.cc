#include "gateway/cli/check_command.h"

namespace zerogate {

int run_check(const CheckCommand& command, const Environment& environment, std::ostream& out,
              std::ostream& err) {
  const auto loaded = load_config(command.config_file, environment, command.flags);
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    for (const std::string& line : errors->lines) {
      err << line << '\n';
    }
    return 2;
  }
  for (const std::string& note : std::get<Config>(loaded).notes) {
    out << command.config_file << ": note: " << note << '\n';
  }
  out << command.config_file << ": ok\n";
  return 0;
}

}  // namespace zerogate
