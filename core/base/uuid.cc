#include "core/base/uuid.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/base/byte_writer.h"

namespace zerogate {

namespace {

/// Vectors are the compiler's own, on any processor.
using Bytes16 = unsigned char __attribute__((vector_size(16)));

// Version 4, and RFC 4122's variant.
constexpr Bytes16 kRandomBits = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff,
                                 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Bytes16 kFixedBits = {0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0};

/// Of 16 numbers below 16.
Bytes16 hex_digits(Bytes16 numbers) {
  constexpr unsigned char kFromNineToA = 'a' - '9' - 1;
  return numbers + '0' + (static_cast<Bytes16>(numbers > 9) & kFromNineToA);
}

}  // namespace

void UuidSource::refill() {
  size_t filled = 0;
  while (filled < pool_.size()) {
    // Above 256 bytes getrandom may be cut short by a signal (getrandom(2)).
    const ssize_t got = getrandom(pool_.data() + filled, pool_.size() - filled, 0);
    if (got > 0) {
      filled += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      // Cannot happen on Linux 3.17 and later unless a sandbox forbids it; ids that may repeat
      // would overwrite orders, so there is nothing better to do.
      std::perror("zerogate: getrandom");
      std::abort();
    }
  }
  left_ = kPoolBytes;
}

void UuidSource::write_next(char* to) {
  if (left_ == 0) {
    refill();
  }
  Bytes16 id;
  std::memcpy(&id, pool_.data() + (kPoolBytes - left_), kIdBytes);
  left_ -= kIdBytes;
  id = (id & kRandomBits) | kFixedBits;
  const Bytes16 high = id >> 4;
  const Bytes16 low = id & 0x0f;
  const Bytes16 text[] = {
      hex_digits(__builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19,  //
                                         4, 20, 5, 21, 6, 22, 7, 23)),
      hex_digits(__builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27,  //
                                         12, 28, 13, 29, 14, 30, 15, 31))};
  const auto* digits = reinterpret_cast<const char*>(text);
  const auto part = [digits](size_t at, size_t size) { return ByteView(digits + at, size); };
  ByteWriter(to)
      .put(part(0, 8))
      .put('-')
      .put(part(8, 4))
      .put('-')
      .put(part(12, 4))
      .put('-')
      .put(part(16, 4))
      .put('-')
      .put(part(20, 12));
}

}  // namespace zerogate
