// IP addresses without port, and ranges of them as people write them: 10.0.0.0/8, fd00::/8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace zerogate {

/// IPv4 as IPv6 writes it (::ffff:10.0.0.7), which is what a socket for both calls such a peer.
struct IpAddress {
  static constexpr size_t kBytes = 16;
  std::array<uint8_t, kBytes> bytes{};

  /// "10.0.0.7", "fe80::1%eth0" or "::ffff:10.0.0.7"; nothing for anything else.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  /// As parse() takes it; IPv4 without its prefix.
  std::string display() const;
  /// What one host has: itself for IPv4, its /64 for IPv6, where a host has as many addresses as it
  /// likes.
  std::string host() const;
  bool operator==(const IpAddress&) const = default;
};

/// Addresses that begin with the same bits.
struct AddressRange {
  IpAddress first;
  unsigned bits = 0;  ///< of IpAddress: 96 more than written for IPv4

  /// "10.0.0.0/8", "fd00::/8", or one address. The error says what would fix it.
  static Result<AddressRange> parse(std::string_view text);

  bool contains(const IpAddress& address) const;
  std::string display() const;
  bool operator==(const AddressRange&) const = default;
};

using AddressRanges = std::vector<AddressRange>;

/// True when one of them contains it.
bool contains(const AddressRanges& ranges, const IpAddress& address);

}  // namespace zerogate
