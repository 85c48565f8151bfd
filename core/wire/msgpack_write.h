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
void write_bin(std::string& out, ByteView bytes);
void write_bool(std::string& out, bool value);
void write_uint(std::string& out, uint64_t value);
void write_int(std::string& out, int64_t value);
/// Always in 8 bytes.
void write_real(std::string& out, double value);
/// A point of time as extension type -1. Nanoseconds are below 10^9.
void write_timestamp(std::string& out, int64_t seconds, uint32_t nanoseconds);

}  // namespace zerogate::wire
