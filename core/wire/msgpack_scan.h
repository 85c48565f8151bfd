// Measures MessagePack values without decoding them: how long is the first value, and is it whole
// and well formed? No allocation, no recursion, no exception; every length is checked. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"

namespace zerogate::wire {

/// Containers may be nested this deep. The scan needs no stack for it, but a decoder of the value
/// does. msgspec, with which all of Zero decodes, stops at Python's recursion limit, 1,000: what it
/// takes is never refused here.
inline constexpr uint32_t kMaxDepth = 1'024;

enum class ScanError : uint8_t {
  none,
  truncated,  ///< the value needs more bytes than there are
  invalid,    ///< a byte that MessagePack never uses (0xc1)
  too_deep,   ///< nested deeper than kMaxDepth
};

struct Scan {
  size_t length = 0;  ///< bytes of the first value; 0 unless error is none
  ScanError error = ScanError::none;
};

/// Measures the first value of `bytes`. Linear in its length, whatever counts it claims. `levels`:
/// how deep it may be, at most kMaxDepth.
Scan scan_value(ByteView bytes, uint32_t levels = kMaxDepth) noexcept;

/// What bytes are that should be exactly one value.
enum class ValueStatus : uint8_t {
  ok,
  malformed,  ///< not a whole value, or with something behind it
  too_deep,   ///< nested deeper than kMaxDepth
};
/// Of bytes that begin with a value which a scan has measured so.
constexpr ValueStatus status_of(const Scan& scan, size_t size) {
  return scan.error == ScanError::too_deep                      ? ValueStatus::too_deep
         : scan.error == ScanError::none && scan.length == size ? ValueStatus::ok
                                                                : ValueStatus::malformed;
}

/// Of check_value().
ValueStatus check_any_value(ByteView bytes) noexcept;

/// Is that one whole value, with nothing behind it? Mostly it is nil. One pass, whatever it finds.
inline ValueStatus check_value(ByteView bytes) noexcept {
  constexpr char kNilByte = static_cast<char>(0xc0);
  return bytes.size() == 1 && bytes.front() == kNilByte ? ValueStatus::ok : check_any_value(bytes);
}
inline bool is_one_value(ByteView bytes) noexcept { return check_value(bytes) == ValueStatus::ok; }

/// MessagePack's families of types, as error messages name them.
enum class Type : uint8_t { nil, boolean, integer, real, str, bin, array, map, ext, invalid };

/// The type of the value that begins with this byte.
Type type_of(char first) noexcept;

/// msgspec's name of a type, as in "Expected `str`, got `int`".
const char* type_name(Type type) noexcept;

/// An integer of MessagePack: -2^63 to 2^64-1. `bits` is its two's complement when it is negative.
struct Integer {
  uint64_t bits = 0;
  bool negative = false;
};

/// Reads the front of a value that scan_value has found whole. It still checks each read: a reader
/// that is asked for the wrong type returns false and does not move.
class Reader {
 public:
  explicit Reader(ByteView bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool at_end() const { return at_ == end_; }
  const char* at() const { return at_; }
  ByteView rest() const { return {at_, left()}; }
  Type next_type() const { return at_end() ? Type::invalid : type_of(*at_); }

  // The short forms, which nearly everything has, are read in place.
  bool read_map(uint32_t& pairs) noexcept {
    return read_short_count(0x80, pairs) || read_long<&Reader::read_long_map>(pairs);
  }
  bool read_array(uint32_t& items) noexcept {
    return read_short_count(0x90, items) || read_long<&Reader::read_long_array>(items);
  }
  bool read_str(ByteView& text) noexcept {
    if (at_end() || (static_cast<uint8_t>(*at_) & 0xe0) != 0xa0) {
      return read_long<&Reader::read_long_str>(text);
    }
    const auto size = static_cast<size_t>(*at_ & 0x1f);
    if (size >= left()) {
      return false;
    }
    text = {at_ + 1, size};
    at_ += 1 + size;
    return true;
  }
  bool read_nil() noexcept;
  bool read_bool(bool& value) noexcept;
  bool read_integer(Integer& value) noexcept {
    if (at_end() || static_cast<signed char>(*at_) < -32) {
      return read_long_integer(value);
    }
    const auto small = static_cast<signed char>(*at_++);
    value = {static_cast<uint64_t>(int64_t{small}), small < 0};
    return true;
  }
  /// Of 4 or 8 bytes.
  bool read_real(double& value) noexcept;
  bool read_bin(ByteView& bytes) noexcept;
  bool read_ext(int8_t& type, ByteView& body) noexcept;
  /// Takes one whole value of any type, at most `levels` deep; `value` views its bytes.
  bool read_value(ByteView& value, uint32_t levels = kMaxDepth) noexcept {
    return take_value(value, levels) == ScanError::none;
  }
  /// The same, and says why not.
  ScanError take_value(ByteView& value, uint32_t levels = kMaxDepth) noexcept;

 private:
  bool read_short_count(uint8_t family, uint32_t& count) noexcept {
    if (at_end() || (static_cast<uint8_t>(*at_) & 0xf0) != family) {
      return false;
    }
    count = static_cast<uint32_t>(*at_++ & 0x0f);
    return true;
  }
  /// By way of a copy, so that what the short forms find stays in registers.
  template <auto kRead, class Found>
  bool read_long(Found& found) noexcept {
    Found copy{};
    if (!(this->*kRead)(copy)) {
      return false;
    }
    found = copy;
    return true;
  }
  bool read_long_map(uint32_t& pairs) noexcept;
  bool read_long_array(uint32_t& items) noexcept;
  bool read_long_str(ByteView& text) noexcept;
  bool read_long_integer(Integer& value) noexcept;
  bool take(size_t header, size_t body, ByteView& out) noexcept {
    if (header > left() || body > left() - header) {
      return false;
    }
    out = ByteView(at_ + header, body);
    at_ += header + body;
    return true;
  }
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  const char* at_;
  const char* end_;
};

}  // namespace zerogate::wire
