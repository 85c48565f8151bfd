#include "core/base/address_range.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/quote.h"
#include "core/base/units.h"

namespace zerogate {
namespace {

constexpr std::array<uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kV4PrefixBits = 8 * kV4Prefix.size();
constexpr unsigned kAllBits = 8 * IpAddress::kBytes;
constexpr unsigned kHostBits = 64;  // of IPv6: the part that says which network

IpAddress masked(IpAddress address, unsigned bits) {
  for (unsigned i = 0; i < IpAddress::kBytes; ++i) {
    const unsigned kept = std::clamp(bits, 8 * i, 8 * i + 8) - 8 * i;
    address.bytes[i] &= static_cast<uint8_t>(0xff00U >> kept);
  }
  return address;
}

Error no_range(std::string_view text) {
  return Error{
      fmt::format("{} is no address and no range of them; write one such as 10.0.0.0/8, "
                  "\"fd00::/8\" or 192.0.2.7",
                  quote(text))};
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string plain(text.substr(0, text.find('%')));
  if (plain.find('\0') != plain.npos) {
    return std::nullopt;  // inet_pton would not see what is behind it
  }
  IpAddress address;
  if (inet_pton(AF_INET6, plain.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  std::ranges::copy(kV4Prefix, address.bytes.begin());
  if (inet_pton(AF_INET, plain.c_str(), address.bytes.data() + kV4Prefix.size()) == 1) {
    return address;
  }
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin());
}

std::string IpAddress::display() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    inet_ntop(AF_INET, bytes.data() + kV4Prefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  }
  return text.data();
}

std::string IpAddress::host() const {
  return is_v4() ? display() : AddressRange{masked(*this, kHostBits), kHostBits}.display();
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address || text.find('%') != text.npos) {
    return no_range(text);
  }
  AddressRange range{*address, kAllBits};
  const bool v4 = text.find(':') == text.npos;
  if (slash != text.npos) {
    const unsigned most = v4 ? kAllBits - kV4PrefixBits : kAllBits;
    const auto bits = parse_count(text.substr(slash + 1), 0, most);
    if (!bits) {
      return Error{
          fmt::format("{} has no length from 0 to {} behind its slash; write one such as {}",
                      quote(text), most, v4 ? "10.0.0.0/8" : "\"fd00::/8\"")};
    }
    range.bits = bits.value() + (v4 ? kV4PrefixBits : 0);
  }
  const AddressRange whole{masked(*address, range.bits), range.bits};
  if (whole != range) {
    return Error{fmt::format(
        "{} has bits behind its first {}; write {} for the range, or {} for the "
        "one address",
        quote(text), range.bits - (v4 ? kV4PrefixBits : 0), whole.display(), address->display())};
  }
  return range;
}

bool AddressRange::contains(const IpAddress& address) const {
  return masked(address, bits) == first;
}

std::string AddressRange::display() const {
  const bool v4 = first.is_v4();  // a shorter prefix leaves nothing of IPv4's
  if (bits == kAllBits) {
    return first.display();
  }
  return fmt::format("{}/{}", first.display(), bits - (v4 ? kV4PrefixBits : 0));
}

bool contains(const AddressRanges& ranges, const IpAddress& address) {
  return std::ranges::any_of(ranges, [&](const auto& range) { return range.contains(address); });
}

}  // namespace zerogate
