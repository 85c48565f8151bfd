#include "core/base/append_format.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace zerogate {
namespace {

TEST(AppendFormat, KeepsWhatIsThereAlready) {
  std::string text = "a=";
  append_format(text, "{:02}{}", 7, std::string_view(";"));
  EXPECT_EQ(text, "a=07;");
}

TEST(AppendFormat, WritesIntoABufferToo) {
  fmt::memory_buffer text;
  append_format(text, "{} ", 1);
  append_format(text, "{}", std::string(1'000, 'x'));
  EXPECT_EQ(fmt::to_string(text), "1 " + std::string(1'000, 'x'));
}

}  // namespace
}  // namespace zerogate
