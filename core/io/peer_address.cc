#include "core/io/peer_address.h"

#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <cstring>

#include "core/base/address.h"

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
  // IPv4 has its port in the same place.
  const uint16_t port = ntohs(name_.sin6_port);
  return Address{std::string(without_v4_prefix(host())), port, ""}.display();
}

std::optional<IpAddress> PeerAddress::ip() const {
  return is_unix() ? std::nullopt : IpAddress::parse(host());
}

std::string PeerAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN> numbers{};
  uv_ip_name(reinterpret_cast<const sockaddr*>(&name_), numbers.data(), numbers.size());
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
