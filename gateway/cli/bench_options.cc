#include "gateway/cli/bench_options.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/units.h"
#include "core/security/tls_files.h"
#include "core/wire/json.h"
#include "core/wire/w5.h"

namespace zerogate {
namespace {

constexpr uint32_t kDefaultDepth = 1;
constexpr uint32_t kDefaultOpenLoopDepth = 64;  // calls of an open loop do not wait for each other
constexpr uint32_t kMaxMs = 24 * kHourMs;

Error flag_error(std::string_view flag, std::string_view what) {
  return Error{fmt::format("{}: {}", flag, what)};
}

/// Sets `value` unless there is an error already: the first one counts.
void read_count(Status& status, std::string_view flag, const std::string& text, uint32_t max,
                uint32_t& value) {
  if (!status || text.empty()) {
    return;
  }
  const auto count = parse_count(text, 1, max);
  if (count) {
    value = count.value();
  } else {
    status = flag_error(flag, count.error());
  }
}

void read_duration(Status& status, std::string_view flag, const std::string& text, uint32_t min_ms,
                   uint32_t max_ms, uint32_t& value) {
  if (!status) {
    return;
  }
  const auto ms = parse_duration_ms(text);
  if (!ms) {
    status = flag_error(flag, ms.error());
  } else if (ms.value() < min_ms || ms.value() > max_ms) {
    const auto range = fmt::format("{} to {}", show_duration_ms(min_ms), show_duration_ms(max_ms));
    status = flag_error(flag, out_of_range(text, range).message);
  } else {
    value = ms.value();
  }
}

void read_json(Status& status, std::string_view what, const std::string& text, std::string& value) {
  if (!status || text.empty()) {
    return;
  }
  auto msgpack = json_to_msgpack(text);
  if (msgpack) {
    value = std::move(msgpack).value();
  } else {
    status = Error{fmt::format("{} is {}", what, msgpack.error())};
  }
}

/// Reads the files of a server by tls://.
void read_files(Status& status, const BenchCommand& command, LoadOptions& options) {
  if (!status) {
    return;
  }
  if (!options.url.tls) {
    if (!command.ca.empty() || !command.cert.empty() || !command.key.empty()) {
      status = Error{"--ca, --cert and --key are of tls://host:port; write such a URL"};
    }
    return;
  }
  if (command.cert.empty() != command.key.empty()) {
    status = Error{"--cert and --key are a pair; write both"};
    return;
  }
  options.tls = read_tls_files(
      {command.cert, command.key, command.ca}, TlsSide::backend, {},
      {.fail = [&status](auto, const std::string& message) { status = Error{message}; },
       .warn = [](auto, auto&) {},
       .note = [](auto, auto&) {}});
}

Status check_memory(const LoadOptions& options) {
  const uint64_t calls = uint64_t{options.connections} * options.depth;
  if (calls > LoadOptions::kMaxInFlight) {
    return Error{fmt::format("--connections times --depth is {}; write at most {}", calls,
                             LoadOptions::kMaxInFlight)};
  }
  if (calls * options.argument.size() > LoadOptions::kMaxRequestBytes) {
    return Error{
        fmt::format("{} calls in flight with an argument of {} bytes are over {}; lower "
                    "--connections or --depth",
                    calls, options.argument.size(), show_size(LoadOptions::kMaxRequestBytes))};
  }
  return ok_status();
}

}  // namespace

Result<LoadOptions> load_options(const BenchCommand& command) {
  auto url = ServerUrl::parse(command.url);
  if (!url) {
    return Error{url.error()};
  }
  LoadOptions options;
  options.url = std::move(url).value();
  options.function = command.function;
  if (options.url.protocol == Protocol::zmq && command.function.size() > wire::w5::kNameBytes) {
    return Error{fmt::format("a function's name has at most {} bytes over ZeroMQ, this one has {}",
                             wire::w5::kNameBytes, command.function.size())};
  }
  Status status = ok_status();
  read_json(status, "the argument", command.json, options.argument);
  read_json(status, "--expect", command.expect, options.expected);
  read_count(status, "--connections", command.connections, LoadOptions::kMaxConnections,
             options.connections);
  read_count(status, "--rate", command.rate, LoadOptions::kMaxRate, options.rate);
  options.depth = options.rate > 0 ? kDefaultOpenLoopDepth : kDefaultDepth;
  read_count(status, "--depth", command.depth, LoadOptions::kMaxDepth, options.depth);
  read_duration(status, "--duration", command.duration, 1, kMaxMs, options.duration_ms);
  read_duration(status, "--warmup", command.warmup, 0, kMaxMs, options.warmup_ms);
  read_files(status, command, options);
  read_duration(status, "--timeout", command.timeout, 1, kHourMs, options.timeout_ms);
  if (status) {
    status = check_memory(options);
  }
  if (!status) {
    return Error{status.error()};
  }
  return options;
}

}  // namespace zerogate
