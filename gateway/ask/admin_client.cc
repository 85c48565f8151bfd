#include "gateway/ask/admin_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "core/client/connect.h"
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

Result<std::string> exchange(int fd, std::string_view request, const Deadline& deadline) {
  // A request this short fits into the socket's buffer whole.
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Error{errno_text(errno)};
  }
  std::string answer;
  std::array<char, 16 << 10> chunk;
  for (;;) {
    if (!wait_for(fd, POLLIN, deadline)) {
      return Error{"no answer in time"};
    }
    const ssize_t count = recv(fd, chunk.data(), chunk.size(), 0);
    if (count > 0) {
      answer.append(chunk.data(), static_cast<size_t>(count));
    } else if (count == 0) {
      return answer;  // the admin server closes after each answer
    } else if (errno != EAGAIN && errno != EINTR) {
      return Error{errno_text(errno)};
    }
    if (answer.size() > kMaxAdminAnswerBytes) {
      return Error{"the answer is too long; is it the admin port?"};
    }
  }
}

}  // namespace

AdminPort find_admin_port(const std::string& config_file, const Environment& environment,
                          const Overrides& flags) {
  const auto loaded = load_config(config_file, environment, flags);
  AdminPort port;
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    port.errors = *errors;
    port.address = errors->admin;
  } else {
    port.address = std::get<Config>(loaded).admin;
  }
  if (port.address && !port.address->is_path() && port.address->port == 0) {
    port.address.reset();
  }
  if (port.address) {
    port.address = reachable(*port.address);
  }
  return port;
}

std::optional<Address> find_running_gateway(const std::string& config_file,
                                            const Environment& environment) {
  const std::string file =
      config_file.empty() ? environment(kConfigVariable).value_or("") : config_file;
  const auto address = find_beacon(read_system_file("/proc/net/unix").value_or(""),
                                   BeaconScope::here(file), !config_file.empty());
  if (!address) {
    return std::nullopt;
  }
  const auto parsed = Address::parse(*address);
  return parsed ? std::optional(reachable(parsed.value())) : std::nullopt;
}

int fail_with(const ConfigErrors& errors, int status, std::ostream& err) {
  err << errors;
  return errors.lines.empty() ? status : kUsage;
}

std::string find_admin_token(const std::string& config_file, const Environment& environment,
                             const Overrides& flags) {
  const auto loaded = load_config(config_file, environment, flags);
  const auto* config = std::get_if<Config>(&loaded);
  if (config == nullptr || config->admin_token_file.empty()) {
    return config == nullptr ? "" : config->admin_token;
  }
  const Result<std::string> token = read_token(config->admin_token_file);
  return token ? token.value() : "";
}

Result<AdminAnswer> ask_admin(const Address& address, std::string_view request, uint32_t timeout_ms,
                              std::string_view token) {
  const Deadline deadline(timeout_ms);
  const auto fd = connect_to(address, timeout_ms);
  if (!fd) {
    return Error{fd.error()};
  }
  const std::string authorization =
      token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token);
  const auto bytes = exchange(
      fd.value().get(), fmt::format("{} HTTP/1.0\r\n{}\r\n", request, authorization), deadline);
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
