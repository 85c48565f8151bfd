#include "gateway/cli/call_command.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "core/client/client.h"
#include "core/client/error_text.h"
#include "core/wire/json.h"
#include "core/wire/server_url.h"
#include "gateway/ask/exit_status.h"

namespace zerogate {
namespace {

/// More than any gateway's limits.message lets in.
constexpr size_t kMaxStdinBytes = size_t{1} << 30;

Result<std::string> read_stdin() {
  std::string text;
  std::array<char, 64 << 10> chunk;
  while (const size_t count = std::fread(chunk.data(), 1, chunk.size(), stdin)) {
    text.append(chunk.data(), count);
    if (text.size() > kMaxStdinBytes) {
      return Error{fmt::format("stdin has more than {} bytes", kMaxStdinBytes)};
    }
  }
  if (std::ferror(stdin) != 0) {
    return Error{"cannot read stdin"};
  }
  return text;
}

}  // namespace

int run_call(const std::string& url, const std::string& function, const std::string& json,
             uint32_t timeout_ms) {
  const auto parsed = ServerUrl::parse_plain(url);
  if (!parsed) {
    return fail(kUsage, parsed.error());
  }
  const auto text = json == "-" ? read_stdin() : Result<std::string>(json);
  if (!text) {
    return fail(kUsage, text.error());
  }
  const auto argument = json_to_msgpack(text.value());
  if (!argument) {
    return fail(kUsage, "the argument is " + argument.error());
  }

  const auto client = Client::connect(url, timeout_ms);
  if (!client) {
    return fail(kFailed, client.error());
  }
  const auto reply = client.value()->call(function, argument.value());
  if (!reply) {
    return fail(kFailed, reply.error());
  }
  if (reply.value().is_error) {
    return fail(kFailed, error_text(reply.value().body));
  }
  const auto result = msgpack_to_json(reply.value().body);
  if (!result) {
    return fail(kFailed, url + " answered with bytes that are " + result.error());
  }
  fmt::print("{}\n", result.value());
  // A result that could not be read (a full disk, say) is a failure.
  return std::fflush(stdout) == 0 ? kOk : fail(kFailed, "cannot write to stdout");
}

}  // namespace zerogate
