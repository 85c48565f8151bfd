// How many gateways a call has come through, where Zero's own servers and clients do not look: in
// the flag of a raw-TCP request, which they ignore, and in the id of a ZeroMQ request, which they
// only send back. So calls that go round between gateways are found, over any mix of protocols.
// Pure functions.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace zerogate::wire {

/// A call that comes in with so many has gone round: no sensible chain is half as long.
inline constexpr uint8_t kMaxHops = 8;

/// The upper half of the flag, so that small numbers of other meaning are none of ours.
inline constexpr uint8_t kHopsFlag = 0xe0;
constexpr uint8_t hops_of_flag(uint8_t flag) {
  return (flag & 0xf0) == kHopsFlag ? flag & 0x0f : 0;
}
constexpr uint8_t flag_of_hops(uint8_t hops) { return kHopsFlag | hops; }

/// The front of each id that a gateway sends: never like the hexadecimal ids of older wires. One
/// byte with the hops follows, ':' for the first, as gateways that did not count always sent.
inline constexpr ByteView kHopsIdPrefix = "zerogate-id";
constexpr char id_byte_of_hops(uint8_t hops) { return static_cast<char>(':' - 1 + hops); }
constexpr uint8_t hops_of_id(ByteView id) {
  if (id.size() <= kHopsIdPrefix.size() || !id.starts_with(kHopsIdPrefix)) {
    return 0;
  }
  const char byte = id[kHopsIdPrefix.size()];
  return byte >= ':' && byte <= id_byte_of_hops(kMaxHops) ? static_cast<uint8_t>(byte - ':' + 1)
                                                          : 0;
}

}  // namespace zerogate::wire
