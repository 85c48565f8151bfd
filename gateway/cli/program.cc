#include "gateway/cli/command_line.h"

#include <exception>
#include <iostream>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "gateway/ask/backends_command.h"
#include "gateway/ask/clients_command.h"
#include "gateway/ask/exit_status.h"
#include "gateway/ask/healthcheck_command.h"
#include "gateway/cli/bench_command.h"
#include "gateway/cli/call_command.h"
#include "gateway/cli/check_command.h"
#include "gateway/cli/functions_command.h"
#include "gateway/cli/serve_command.h"
#include "gateway/host/process.h"
#include "gateway/keys/curve_files.h"
#include "handlers/registry.h"

namespace zerogate {
namespace {

int run(const ServeCommand& command) { return run_serve(command, process_environment()); }
int run(const CheckCommand& command) {
  return run_check(command, process_environment(), std::cout, std::cerr);
}
int run(const FunctionsCommand& command) {
  return run_functions(command, served_functions(), process_environment(), std::cout, std::cerr);
}
int run(const CallCommand& command) {
  return run_call(command.url, command.function, command.json, command.timeout_ms);
}
int run(const BenchCommand& command) { return run_bench(command); }
int run(const HealthcheckCommand& command) {
  return run_healthcheck(command, process_environment(), std::cout, std::cerr);
}
int run(const ClientsCommand& command) {
  return run_clients(command, process_environment(), std::cout, std::cerr);
}
int run(const BackendsCommand& command) {
  return run_backends(command, process_environment(), std::cout, std::cerr);
}
int run(const KeysCommand& command) {
  const auto made = make_curve_files(command.name);
  (made ? std::cout : std::cerr) << (made ? made.value() : "zerogate keys: " + made.error() + '\n');
  return made ? kOk : kFailed;
}
int run(const PrintCommand& command) {
  std::cout << command.text;
  return 0;
}
int run(const UsageError& error) {
  std::cerr << error.text;
  return kUsage;
}

/// `status`, or that what a command has to tell could not be written. A health check tells by its
/// status: a full disk is no reason to replace a gateway.
template <class Command>
int said(const Command&, int status) {
  std::cout.flush();
  if (std::cout || status != kOk || std::is_same_v<Command, HealthcheckCommand>) {
    return status;
  }
  std::cerr << "zerogate: cannot write to stdout\n";
  return kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    open_standard_descriptors();
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return std::visit([](const auto& command) { return said(command, run(command)); },
                      parse_command_line(arguments));
  } catch (const std::exception& error) {  // no memory is left, or a fault of ours
    std::cerr << "zerogate: " << error.what() << '\n';
    return kFailed;
  }
}

int main(int argc, char** argv, const Functions& functions) {
  use_functions(&functions);
  const int status = main(argc, argv);
  use_functions(nullptr);
  return status;
}

}  // namespace zerogate
