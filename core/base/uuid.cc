#include "core/base/uuid.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace zerogate {

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
  used_ = 0;
}

std::string_view UuidSource::next() {
  static constexpr char kHex[] = "0123456789abcdef";
  if (used_ == pool_.size()) refill();
  unsigned char* id = pool_.data() + used_;
  used_ += kIdBytes;
  id[6] = static_cast<unsigned char>((id[6] & 0x0f) | 0x40);  // version 4
  id[8] = static_cast<unsigned char>((id[8] & 0x3f) | 0x80);  // RFC 4122's variant
  char* out = text_.data();
  for (size_t i = 0; i < kIdBytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHex[id[i] >> 4];
    *out++ = kHex[id[i] & 0x0f];
  }
  return {text_.data(), text_.size()};
}

}  // namespace zerogate
