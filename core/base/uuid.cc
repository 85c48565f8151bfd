#include "core/base/uuid.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace zerogate {

namespace {

constexpr std::array<std::array<char, 2>, 256> make_hex() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> hex{};
  for (size_t byte = 0; byte < hex.size(); ++byte) {
    hex[byte] = {kDigits[byte >> 4], kDigits[byte & 0x0f]};
  }
  return hex;
}
constexpr auto kHex = make_hex();

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
  unsigned char* id = pool_.data() + (kPoolBytes - left_);
  left_ -= kIdBytes;
  id[6] = static_cast<unsigned char>((id[6] & 0x0f) | 0x40);  // version 4
  id[8] = static_cast<unsigned char>((id[8] & 0x3f) | 0x80);  // RFC 4122's variant
  const auto put = [&id, &to](auto... places) {
    ((std::memcpy(to, kHex[id[places]].data(), 2), to += 2), ...);
  };
  put(0, 1, 2, 3);
  *to++ = '-';
  put(4, 5);
  *to++ = '-';
  put(6, 7);
  *to++ = '-';
  put(8, 9);
  *to++ = '-';
  put(10, 11, 12, 13, 14, 15);
}

}  // namespace zerogate
