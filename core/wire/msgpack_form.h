// What the first byte of a MessagePack value tells. Only msgpack_scan.cc and msgpack_scanner.cc
// include it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/wire/big_endian.h"

namespace zerogate::wire {

constexpr uint8_t to_byte(char c) { return static_cast<uint8_t>(c); }

/// What the first byte of a value tells.
struct Form {
  uint8_t size = 1;          ///< bytes up to the next value; of a long form its head alone
  uint8_t items = 0;         ///< values in a short container
  uint8_t length_bytes = 0;  ///< of the big-endian count behind the first byte; 0: a short form
  uint8_t per_item = 0;      ///< values for each count of a container; 0: a count is of bytes
};
inline constexpr uint8_t kNoForm =
    0xff;  ///< as length_bytes: of 0xc1, which MessagePack never uses

constexpr Form short_form(int size) { return {static_cast<uint8_t>(size), 0, 0, 0}; }
/// `extra`: an ext's type.
constexpr Form long_form(uint8_t length_bytes, uint8_t extra, uint8_t per_item) {
  return {static_cast<uint8_t>(1 + length_bytes + extra), 0, length_bytes, per_item};
}
constexpr std::array<Form, 256> make_forms() {
  std::array<Form, 256> forms{};  // fixints, nil and booleans are one byte
  for (int i = 0; i < 16; ++i) {
    forms[0x80 + i] = {1, static_cast<uint8_t>(2 * i), 0, 2};
    forms[0x90 + i] = {1, static_cast<uint8_t>(i), 0, 1};
  }
  for (int i = 0; i < 32; ++i) {
    forms[0xa0 + i] = short_form(1 + i);  // fixstr
  }
  forms[0xc1] = {0, 0, kNoForm, 0};
  forms[0xca] = short_form(5), forms[0xcb] = short_form(9);  // floats
  for (int i = 0; i < 4; ++i) {
    forms[0xcc + i] = forms[0xd0 + i] = short_form(1 + (1 << i));  // integers
  }
  for (int i = 0; i < 5; ++i) {
    forms[0xd4 + i] = short_form(2 + (1 << i));  // fixext
  }
  for (int i = 0; i < 3; ++i) {
    const auto length_bytes = static_cast<uint8_t>(1 << i);
    forms[0xc4 + i] = forms[0xd9 + i] = long_form(length_bytes, 0, 0);  // bin, str
    forms[0xc7 + i] = long_form(length_bytes, 1, 0);                    // ext
  }
  for (int i = 0; i < 2; ++i) {
    const auto length_bytes = static_cast<uint8_t>(2 << i);
    forms[0xdc + i] = long_form(length_bytes, 0, 1);  // array
    forms[0xde + i] = long_form(length_bytes, 0, 2);  // map
  }
  return forms;
}
inline constexpr std::array<Form, 256> kForms = make_forms();
constexpr Form form_of(char first) { return kForms[to_byte(first)]; }

/// The length or count behind the first byte. The caller has checked that it is there.
inline uint64_t read_count(const char* behind_first, uint8_t length_bytes) {
  switch (length_bytes) {
    case 1:
      return to_byte(*behind_first);
    case 2:
      return load_be16(behind_first);
    default:
      return load_be32(behind_first);
  }
}

}  // namespace zerogate::wire
