// Decimal digits, two at a time.
#pragma once

#include <array>
#include <cstddef>

namespace zerogate {

/// "00", "01", ... "99", one behind the other.
inline constexpr std::array<char, 200> kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

}  // namespace zerogate
