// Reads commands as Redis does: for tests that play it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace zerogate::testing {

/// The arguments of the command at `at`, which moves behind it.
inline std::vector<std::string> read_command(ByteView bytes, size_t& at) {
  const auto read_number = [&](char type) {
    EXPECT_EQ(bytes[at], type);
    const size_t end = bytes.find("\r\n", at);
    const std::string digits(bytes.substr(at + 1, end - at - 1));
    at = end + 2;
    EXPECT_EQ(digits, std::to_string(std::stoul(digits))) << "Redis takes no other form";
    return std::stoul(digits);
  };
  std::vector<std::string> arguments;
  for (size_t left = read_number('*'); left > 0; --left) {
    const size_t length = read_number('$');
    arguments.emplace_back(bytes.substr(at, length));
    at += length;
    EXPECT_EQ(bytes.substr(at, 2), "\r\n");
    at += 2;
  }
  return arguments;
}

}  // namespace zerogate::testing
