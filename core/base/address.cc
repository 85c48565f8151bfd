#include "core/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/base/ascii.h"
#include "core/base/quote.h"

namespace zerogate {
namespace {

constexpr size_t kMaxHostBytes = 253;  // RFC 1035: a name's longest form
constexpr size_t kMaxPathBytes = sizeof(sockaddr_un{}.sun_path) - 1;  // the kernel's limit

Error error(std::string_view text, std::string_view what, std::string_view fix) {
  return Error{fmt::format("{} {}; {}", quote(text), what, fix)};
}

/// With or without its zone, which may be any name of an interface.
bool is_ipv6(const std::string& host) {
  if (!std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; })) {
    return false;
  }
  const std::string without_zone = host.substr(0, host.find('%'));
  in6_addr address;
  return inet_pton(AF_INET6, without_zone.c_str(), &address) == 1;
}

bool is_ipv4(const std::string& host) {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_name(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
           c == '.' || c == '_';  // docker-compose names its containers with underscores
  };
  return !host.empty() && host.size() <= kMaxHostBytes && std::ranges::all_of(host, allowed);
}

bool looks_like_ipv4(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<Address> parse_path(std::string_view text, std::string_view path) {
  constexpr std::string_view kPathExample = "write an absolute path, as in unix:/run/zerogate.sock";
  if (path.starts_with("//")) {
    path.remove_prefix(2);
  }
  while (path.starts_with("//")) {  // to the kernel one slash, but not to those who read it again
    path.remove_prefix(1);
  }
  if (!path.starts_with('/')) {
    return error(text, "has no absolute path", kPathExample);
  }
  if (path.ends_with('/')) {
    return error(text, "names a directory", kPathExample);
  }
  if (path.find('\0') != std::string_view::npos) {
    return error(text, "has a NUL byte in its path", kPathExample);
  }
  if (path.size() > kMaxPathBytes) {
    return error(text, fmt::format("has a path of {} bytes", path.size()),
                 fmt::format("a socket's path has at most {}", kMaxPathBytes));
  }
  return Address{"", 0, std::string(path)};
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return port;
}

/// As it is kept: two hosts are the same when their texts are. Of an IPv6 address there are many
/// texts; its zone is the name of an interface, which has its letters as they are.
std::string one_form(const std::string& host) {
  const size_t zone = std::min(host.find('%'), host.size());
  in6_addr address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_pton(AF_INET6, host.substr(0, zone).c_str(), &address) == 1) {
    return inet_ntop(AF_INET6, &address, text.data(), text.size()) + host.substr(zone);
  }
  return lower_case(host.substr(0, zone)) + host.substr(zone);
}

Result<Address> parse_host_port(std::string_view text, std::string_view example) {
  const std::string fix = fmt::format("write host:port, as in {}", example);
  std::string host;
  std::string_view port_text;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || !text.substr(close + 1).starts_with(':')) {
      return error(text, "is not [address]:port", "write an IPv6 address as in [::1]:5559");
    }
    host = text.substr(1, close - 1);
    port_text = text.substr(close + 2);
    if (!is_ipv6(host)) {
      return error(text, "has no IPv6 address in its brackets", "write it as in [::1]:5559");
    }
  } else {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
      return error(text, "has no port", fix);
    }
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
    if (host.empty() || host == "*") {
      return error(text, "has no host", "write 0.0.0.0:port for every interface, or [::]:port");
    }
    if (host.find(':') != std::string::npos) {
      return error(text, "is not host:port", "write an IPv6 address in brackets, as in [::1]:5559");
    }
    if (looks_like_ipv4(host) ? !is_ipv4(host) : !is_name(host)) {
      return error(text, "has a host that is neither a name nor an address", fix);
    }
  }
  const auto port = parse_port(port_text);
  if (!port) {
    return error(text, "has no port from 0 to 65535", fix);
  }
  return Address{one_form(host), *port, ""};
}

}  // namespace

Result<Address> Address::parse(std::string_view text, std::string_view example) {
  for (const std::string_view scheme : {"unix:", "ipc:"}) {
    if (text.starts_with(scheme)) {
      return parse_path(text, text.substr(scheme.size()));
    }
  }
  if (text.starts_with('/')) {
    return error(text, "is a path", "write unix: in front of it");
  }
  if (text.find("://") != std::string_view::npos) {
    return error(text, "is a URL",
                 fmt::format("leave out what stands up to ://, as in {}", example));
  }
  return parse_host_port(text, example);
}

std::string Address::display() const {
  if (is_path()) {
    return "unix:" + path;
  }
  const bool ipv6 = host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), host, port);
}

}  // namespace zerogate
