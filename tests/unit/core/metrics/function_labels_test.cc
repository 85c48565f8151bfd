#include "core/metrics/function_labels.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(FunctionLabelsTest, KnownNamesHaveTheirOwnLabelInOrder) {
  const FunctionLabels labels({"hello_world", "echo"});
  ASSERT_EQ(labels.size(), 3U);
  EXPECT_EQ(labels.name(0), "hello_world");
  EXPECT_EQ(labels.find("hello_world"), 0U);
  EXPECT_EQ(labels.find("echo"), 1U);
}

TEST(FunctionLabelsTest, EveryOtherNameIsOther) {
  const FunctionLabels labels({"echo"});
  EXPECT_EQ(labels.other(), 1U);
  EXPECT_EQ(labels.name(labels.other()), "_other");
  for (const char* name : {"", "ech", "echo2", "Echo", "_other"})
    EXPECT_EQ(labels.find(name), labels.other()) << name;
}

TEST(FunctionLabelsTest, WithoutNamesThereIsOnlyOther) {
  const FunctionLabels labels({});
  EXPECT_EQ(labels.size(), 1U);
  EXPECT_EQ(labels.find("echo"), labels.other());
}

TEST(FunctionLabelsTest, NamesBeyondTheLimitAreOther) {
  std::vector<std::string> names;
  for (size_t i = 0; i < FunctionLabels::kMaxNames + 50; ++i)
    names.push_back("f" + std::to_string(i));
  const FunctionLabels labels(names);
  EXPECT_EQ(labels.size(), FunctionLabels::kMaxNames + 1);
  EXPECT_EQ(labels.find("f199"), 199U);
  EXPECT_EQ(labels.find("f200"), labels.other());
}

}  // namespace
}  // namespace zerogate
