// Appends MessagePack to a buffer, in the smallest form that holds the value, as msgspec does.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"

namespace zerogate::wire {

inline constexpr char kNil = static_cast<char>(0xc0);

void write_map(std::string& out, uint32_t pairs);
void write_array(std::string& out, uint32_t items);
void write_str(std::string& out, ByteView text);
void write_uint(std::string& out, uint64_t value);

}  // namespace zerogate::wire
