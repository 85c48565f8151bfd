#include "gateway/ask/admin_client.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

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

/// Takes "HTTP/1.1 200 OK", headers and the body apart. The status is 0 when it is no HTTP.
AdminAnswer parse_answer(std::string_view bytes) {
  AdminAnswer answer;
  constexpr std::string_view kVersion = "HTTP/1.";
  if (!bytes.starts_with(kVersion) || bytes.size() < kVersion.size() + 5) {
    return answer;
  }
  const char* digits = bytes.data() + kVersion.size() + 2;
  std::from_chars(digits, digits + 3, answer.status);
  const size_t head = bytes.find("\r\n\r\n");
  if (head != std::string_view::npos) {
    answer.body = bytes.substr(head + 4);
  }
  return answer;
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
  const auto bytes = exchange(place, fmt::format("{} HTTP/1.0\r\n{}\r\n", request, authorization),
                              Deadline(timeout_ms));
  if (!bytes) {
    return Error{bytes.error()};
  }
  AdminAnswer answer = parse_answer(bytes.value());
  if (answer.status == 0) {
    return Error{"what answers there speaks no HTTP; is it the admin port?"};
  }
  return answer;
}

std::string first_line(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, text.find('\n'))) {
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return line;
}

}  // namespace zerogate
