#include "core/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace zerogate {
namespace {

TEST(ResultTest, HoldsAValue) {
  Result<int> result = 5;
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(result);
  EXPECT_EQ(result.value(), 5);
  result.value() = 6;
  EXPECT_EQ(result.value(), 6);
}

TEST(ResultTest, HoldsAnError) {
  const Result<int> result = Error{"what, where and what would fix it"};
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(result);
  EXPECT_EQ(result.error(), "what, where and what would fix it");
}

// A value that looks like an error's text is still a value.
TEST(ResultTest, TellsAStringAndAnErrorApart) {
  const Result<std::string> value = std::string("text");
  const Result<std::string> error = Error{"text"};
  EXPECT_TRUE(value.ok());
  EXPECT_FALSE(error.ok());
}

TEST(ResultTest, HandsOutWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(ResultTest, AStatusHasNoValueToGive) {
  EXPECT_TRUE(ok_status().ok());
  const Status failed = Error{"no"};
  EXPECT_FALSE(failed.ok());
}

#ifndef NDEBUG
TEST(ResultTest, AskingForWhatIsNotThereIsABug) {
  const Result<int> value = 5;
  const Result<int> error = Error{"no"};
  EXPECT_DEATH((void)error.value(), "ok\\(\\)");
  EXPECT_DEATH((void)value.error(), "ok\\(\\)");
}
#endif

}  // namespace
}  // namespace zerogate
