#include "core/io/peer_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace zerogate {

std::optional<PeerAddress> PeerAddress::of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return std::nullopt;
  }
  PeerAddress address;
  std::memcpy(&address.name_, &name, sizeof address.name_);
  return address;
}

std::string PeerAddress::text() const {
  if (is_unix()) {
    return "unix";
  }
  const std::string numbers = host();
  const std::string_view shown = without_v4_prefix(numbers);
  const bool brackets = shown.find(':') != shown.npos;
  // IPv4 has its port in the same place.
  return fmt::format("{}{}{}:{}", brackets ? "[" : "", shown, brackets ? "]" : "",
                     ntohs(name_.sin6_port));
}

std::optional<IpAddress> PeerAddress::ip() const {
  return is_unix() ? std::nullopt : IpAddress::parse(host());
}

std::string PeerAddress::host() const {
  const bool v6 = name_.sin6_family == AF_INET6;
  const void* const bytes = v6 ? static_cast<const void*>(&name_.sin6_addr)
                               : &reinterpret_cast<const sockaddr_in&>(name_).sin_addr;
  std::array<char, INET6_ADDRSTRLEN> numbers{};
  inet_ntop(name_.sin6_family, bytes, numbers.data(), numbers.size());
  return numbers.data();
}

std::string_view without_v4_prefix(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = address.starts_with(kMapped) && address.find('.') != address.npos;
  return mapped ? address.substr(kMapped.size()) : address;
}

std::string peer_of(int fd) {
  const auto address = PeerAddress::of(fd);
  return address ? address->text() : "gone";
}

}  // namespace zerogate
