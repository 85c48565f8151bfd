// What the tests of the wire formats share: bytes written as hex, and pseudo-random MessagePack
// values. Header only; tests only.
#pragma once

#include <cassert>
#include <cstdint>
#include <msgpack.hpp>
#include <random>
#include <string>
#include <string_view>

namespace zerogate::wire::testing {

/// The bytes that hex digits stand for; blanks may be put between the digits of two bytes.
inline std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    assert(i + 1 < hex.size());
    bytes.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    i += 2;
  }
  return bytes;
}

/// The same bytes many times.
inline std::string times(size_t count, std::string_view bytes) {
  std::string out;
  while (count-- > 0) {
    out += bytes;
  }
  return out;
}

/// Makes MessagePack values of every family, with msgpack-cxx's packer. The same seed makes the
/// same values everywhere: mt19937_64 is fixed by the standard, its distributions are not used.
class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t limit) { return random_() % limit; }

  /// One value, of a few bytes up to some hundred.
  std::string value() {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    pack(packer, 4);
    return {buffer.data(), buffer.size()};
  }

  std::string bytes(size_t size) {
    std::string out(size, '\0');
    for (char& c : out) {
      c = static_cast<char>(random_());
    }
    return out;
  }

 private:
  using Packer = msgpack::packer<msgpack::sbuffer>;

  void pack(Packer& packer, int depth) {
    switch (below(depth > 0 ? 11 : 9)) {
      case 0:
        packer.pack_nil();
        break;
      case 1:
        below(2) != 0 ? packer.pack_true() : packer.pack_false();
        break;
      case 2:
        packer.pack_uint64(random_() >> below(64));
        break;
      case 3:
        packer.pack_int64(static_cast<int64_t>(random_()) >> below(64));
        break;
      case 4:
        packer.pack_double(static_cast<double>(random_()) / 3.0);
        break;
      case 5:
        packer.pack_float(static_cast<float>(below(1000)) / 3.0f);
        break;
      case 6:
        pack_text(packer);
        break;
      case 7:
        pack_blob(packer);
        break;
      case 8:
        pack_ext(packer);
        break;
      case 9:
        pack_array(packer, depth);
        break;
      default:
        pack_map(packer, depth);
    }
  }

  /// Mostly short, sometimes over the borders of the 8 and 16 bit lengths' predecessors.
  uint32_t length() { return static_cast<uint32_t>(below(20) == 0 ? below(400) : below(40)); }

  void pack_text(Packer& packer) {
    const std::string text(length(), static_cast<char>('a' + below(26)));
    packer.pack_str(static_cast<uint32_t>(text.size()));
    packer.pack_str_body(text.data(), static_cast<uint32_t>(text.size()));
  }
  void pack_blob(Packer& packer) {
    const std::string blob = bytes(length());
    packer.pack_bin(static_cast<uint32_t>(blob.size()));
    packer.pack_bin_body(blob.data(), static_cast<uint32_t>(blob.size()));
  }
  void pack_ext(Packer& packer) {
    const std::string blob = bytes(length());
    packer.pack_ext(blob.size(), static_cast<int8_t>(below(256)));
    packer.pack_ext_body(blob.data(), static_cast<uint32_t>(blob.size()));
  }
  void pack_array(Packer& packer, int depth) {
    const auto items = static_cast<uint32_t>(below(20) == 0 ? 16 + below(8) : below(5));
    packer.pack_array(items);
    for (uint32_t i = 0; i < items; ++i) {
      pack(packer, depth - 1);
    }
  }
  void pack_map(Packer& packer, int depth) {
    const auto pairs = static_cast<uint32_t>(below(20) == 0 ? 16 + below(8) : below(5));
    packer.pack_map(pairs);
    for (uint32_t i = 0; i < 2 * pairs; ++i) {
      pack(packer, depth - 1);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace zerogate::wire::testing
