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

/// Where each byte's digits stand; the dashes between them are there from the start.
constexpr std::array<uint8_t, 16> kPlaces = {0,  2,  4,  6,  9,  11, 14, 16,
                                             19, 21, 24, 26, 28, 30, 32, 34};

}  // namespace

UuidSource::UuidSource() {
  for (const size_t place : {8, 13, 18, 23}) {
    text_[place] = '-';
  }
}

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
  if (used_ == pool_.size()) {
    refill();
  }
  unsigned char* id = pool_.data() + used_;
  used_ += kIdBytes;
  id[6] = static_cast<unsigned char>((id[6] & 0x0f) | 0x40);  // version 4
  id[8] = static_cast<unsigned char>((id[8] & 0x3f) | 0x80);  // RFC 4122's variant
  for (size_t i = 0; i < kIdBytes; ++i) {
    std::memcpy(text_.data() + kPlaces[i], kHex[id[i]].data(), 2);
  }
  return {text_.data(), text_.size()};
}

}  // namespace zerogate
