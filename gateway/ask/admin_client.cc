#include "gateway/ask/admin_client.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/ascii.h"
#include "core/base/quote.h"
#include "gateway/admin/admin_access.h"
#include "gateway/ask/exit_status.h"
#include "gateway/host/admin_beacon.h"
#include "gateway/host/cgroup.h"

namespace zerogate {
namespace {

/// Where a client of this machine reaches a listener: 0.0.0.0 and [::] are no address to call.
Address reachable(Address address) {
  if (address.host == "0.0.0.0" || address.host == "::") {
    address.host = "127.0.0.1";  // [::] takes IPv4 too, and not every container has ::1
  }
  return address;
}

/// What a header says, without blanks; nothing when it is not there. `head` are lines, each with
/// its CRLF.
std::optional<std::string_view> header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const bool same = line.size() > name.size() && line[name.size()] == ':' &&
                      strncasecmp(line.data(), name.data(), name.size()) == 0;
    if (same) {
      return trim(line.substr(name.size() + 1), " \t");
    }
  }
  return std::nullopt;
}

Result<std::string> exchange(const AdminPlace& place, std::string_view request,
                             const Deadline& deadline) {
  Result<AdminConnection> connection = AdminConnection::open(place, deadline);
  if (!connection) {
    return Error{connection.error()};
  }
  if (Status sent = connection.value().send(request, deadline); !sent) {
    return Error{sent.error()};
  }
  std::string answer;
  std::array<char, 16 << 10> chunk;
  for (;;) {
    const Result<size_t> count = connection.value().receive(chunk, deadline);
    if (!count) {
      return Error{count.error()};
    }
    if (count.value() == 0) {
      return answer;  // the admin server closes after each answer
    }
    answer.append(chunk.data(), count.value());
    if (answer.size() > kMaxAdminAnswerBytes) {
      return Error{"the answer is too long; is it the admin port?"};
    }
  }
}

/// Asked where plain HTTP got no answer. No token is sent.
bool speaks_tls(const AdminPlace& place, const Deadline& deadline) {
  return !place.https &&
         AdminConnection::open({.address = place.address, .https = true}, deadline).ok();
}

/// What the configuration says, for those who may read it.
AdminPlace place_of(const Config& config) {
  AdminPlace place{*config.admin, config.admin_tls_material != nullptr, {}, config.admin_token};
  if (place.https) {
    place.certificate = config.admin_tls_material->certificate;
  }
  if (!config.admin_token_file.empty()) {
    const Result<std::string> token = read_token(config.admin_token_file);
    place.token = token ? token.value() : "";
  }
  return place;
}

}  // namespace

AdminPort find_admin_port(const std::string& config_file, const Environment& environment,
                          const Overrides& flags) {
  const auto loaded = load_config(config_file, environment, flags);
  AdminPort port;
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    port.errors = *errors;
    if (errors->admin) {
      port.place = AdminPlace{*errors->admin, errors->admin_https};
    }
  } else if (const Config& config = std::get<Config>(loaded); config.admin) {
    port.place = place_of(config);
  }
  if (port.place && !port.place->address.is_path() && port.place->address.port == 0) {
    port.place.reset();
  }
  if (port.place) {
    port.place->address = reachable(port.place->address);
  }
  return port;
}

std::optional<AdminPlace> find_running_gateway(const std::string& config_file,
                                               const Environment& environment) {
  const std::string file =
      config_file.empty() ? environment(kConfigVariable).value_or("") : config_file;
  const auto told = find_beacon(read_system_file("/proc/net/unix").value_or(""),
                                BeaconScope::here(file), !config_file.empty());
  if (!told) {
    return std::nullopt;
  }
  const bool https = told->starts_with(kBeaconHttps);
  const auto parsed = Address::parse(told->substr(https ? kBeaconHttps.size() : 0));
  return parsed ? std::optional(AdminPlace{reachable(parsed.value()), https}) : std::nullopt;
}

int fail_with(const ConfigErrors& errors, int status, std::ostream& err) {
  err << errors;
  return errors.lines.empty() ? status : kUsage;
}

Result<AdminAnswer> ask_admin(const AdminPlace& place, std::string_view request,
                              uint32_t timeout_ms) {
  const std::string authorization =
      place.token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", place.token);
  const Deadline deadline(timeout_ms);
  const auto bytes =
      exchange(place, fmt::format("{} HTTP/1.0\r\n{}\r\n", request, authorization), deadline);
  auto answer = bytes ? parse_admin_answer(bytes.value()) : Error{bytes.error()};
  if (!answer && speaks_tls(place, deadline)) {
    return Error{"it speaks TLS; name the gateway's file with --config"};
  }
  return answer;
}

Result<AdminAnswer> parse_admin_answer(std::string_view bytes) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr size_t kStatusAt = kVersion.size() + 2;  // behind "HTTP/1.1 "
  constexpr size_t kDigits = 3;
  const std::string_view digits = bytes.substr(std::min(kStatusAt, bytes.size()), kDigits);
  const size_t head = bytes.find("\r\n\r\n");
  if (!bytes.starts_with(kVersion) || head == bytes.npos || digits.size() != kDigits ||
      bytes[kStatusAt - 1] != ' ' || digits[0] < '1' || digits[0] > '5' ||
      !std::ranges::all_of(digits, is_digit)) {
    return Error{"what answers there speaks no HTTP; is it the admin port?"};
  }
  AdminAnswer answer;
  std::from_chars(digits.data(), digits.data() + kDigits, answer.status);
  answer.body = bytes.substr(head + 4);
  const auto length = header_of(bytes.substr(0, head), "Content-Length");
  if (length && *length != fmt::format("{}", answer.body.size())) {
    return Error{fmt::format("the answer has {} bytes, and says {}; was the gateway ended?",
                             answer.body.size(), quote(*length))};
  }
  return answer;
}

std::string first_line(std::string_view text) {
  return plain_line(text.substr(0, text.find('\n')));
}

}  // namespace zerogate
