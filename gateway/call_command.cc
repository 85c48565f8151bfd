#include "gateway/call_command.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "core/client/client.h"
#include "core/client/client_url.h"
#include "core/client/json.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// More than any gateway's limits.message lets in.
constexpr size_t kMaxStdinBytes = size_t{1} << 30;

int fail(int status, const std::string& text) {
  fmt::print(stderr, "zerogate: {}\n", text);
  return status;
}

Result<std::string> read_stdin() {
  std::string text;
  std::array<char, 64 << 10> chunk;
  while (const size_t count = std::fread(chunk.data(), 1, chunk.size(), stdin)) {
    text.append(chunk.data(), count);
    if (text.size() > kMaxStdinBytes) {
      return Error{fmt::format("stdin has more than {} bytes", kMaxStdinBytes)};
    }
  }
  if (std::ferror(stdin) != 0) return Error{"cannot read stdin"};
  return text;
}

/// A server's text on one line, whatever it holds.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

/// "validation_error: Expected `str`, ..." for Zero's error map, else the body as JSON.
std::string error_text(ByteView body) {
  constexpr ByteView kPrefix = "__zerror__";
  wire::Reader reader(body);
  uint32_t pairs = 0;
  reader.read_map(pairs);
  for (; pairs > 0; --pairs) {
    ByteView key, value, kind, text;
    if (!reader.read_value(key) || !reader.read_value(value)) break;
    if (!wire::Reader(key).read_str(kind) || !kind.starts_with(kPrefix)) continue;
    if (!wire::Reader(value).read_str(text)) continue;
    return fmt::format("{}: {}", kind.substr(kPrefix.size()), one_line(text));
  }
  const auto json = msgpack_to_json(body);
  return json ? "error: " + json.value() : "an error that is " + json.error();
}

}  // namespace

int run_call(const std::string& url, const std::string& function, const std::string& json,
             uint32_t timeout_ms) {
  const auto parsed = ClientUrl::parse(url);
  if (!parsed) return fail(kUsage, parsed.error());
  const auto text = json == "-" ? read_stdin() : Result<std::string>(json);
  if (!text) return fail(kUsage, text.error());
  const auto argument = json_to_msgpack(text.value());
  if (!argument) return fail(kUsage, "the argument is " + argument.error());

  const auto client = Client::connect(url, timeout_ms);
  if (!client) return fail(kFailed, client.error());
  const auto reply = client.value()->call(function, argument.value());
  if (!reply) return fail(kFailed, reply.error());
  if (reply.value().is_error) return fail(kFailed, error_text(reply.value().body));
  const auto result = msgpack_to_json(reply.value().body);
  if (!result) return fail(kFailed, url + " answered with bytes that are " + result.error());
  fmt::print("{}\n", result.value());
  // A result that nobody could read (a full disk, say) is a failure.
  return std::fflush(stdout) == 0 ? kOk : fail(kFailed, "cannot write to stdout");
}

}  // namespace zerogate
