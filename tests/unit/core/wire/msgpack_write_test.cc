#include "core/wire/msgpack_write.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;

template <class Write>
std::string written(Write write) {
  std::string out = "before ";
  write(out);
  EXPECT_TRUE(out.starts_with("before "));
  return out.substr(7);
}

// All expected bytes are those of msgspec.msgpack.encode, msgspec 0.22.0.

TEST(WriteUint, TakesTheSmallestForm) {
  const std::pair<uint64_t, const char*> values[] = {
      {0, "00"},
      {127, "7f"},
      {128, "cc80"},
      {255, "ccff"},
      {256, "cd0100"},
      {65535, "cdffff"},
      {65536, "ce00010000"},
      {4294967295, "ceffffffff"},
      {4294967296, "cf0000000100000000"},
      {UINT64_MAX, "cfffffffffffffffff"},
  };
  for (const auto& [value, hex] : values) {
    EXPECT_EQ(written([v = value](std::string& out) { write_uint(out, v); }), from_hex(hex));
  }
}

TEST(WriteStr, TakesTheSmallestHead) {
  const std::pair<size_t, const char*> values[] = {
      {0, "a0"},     {1, "a1"},       {31, "bf"},        {32, "d920"},
      {255, "d9ff"}, {256, "da0100"}, {65535, "daffff"}, {65536, "db00010000"},
  };
  for (const auto& [size, hex] : values) {
    const std::string text(size, 'a');
    EXPECT_EQ(written([&](std::string& out) { write_str(out, text); }), from_hex(hex) + text);
  }
}

TEST(WriteMap, TakesTheSmallestHead) {
  const std::pair<uint32_t, const char*> values[] = {
      {0, "80"}, {15, "8f"}, {16, "de0010"}, {65535, "deffff"}, {65536, "df00010000"},
  };
  for (const auto& [pairs, hex] : values) {
    EXPECT_EQ(written([p = pairs](std::string& out) { write_map(out, p); }), from_hex(hex));
  }
}

TEST(WriteArray, TakesTheSmallestHead) {
  const std::pair<uint32_t, const char*> values[] = {
      {0, "90"}, {15, "9f"}, {16, "dc0010"}, {65535, "dcffff"}, {65536, "dd00010000"},
  };
  for (const auto& [items, hex] : values) {
    EXPECT_EQ(written([n = items](std::string& out) { write_array(out, n); }), from_hex(hex));
  }
}

}  // namespace
}  // namespace zerogate::wire
