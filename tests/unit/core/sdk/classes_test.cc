#include "core/sdk/classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/sdk/everything.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names(const std::vector<ClassInfo>& classes) {
  std::vector<std::string> result;
  for (const ClassInfo& info : classes) {
    result.push_back(info.name);
  }
  return result;
}

TEST(ClassesTest, AClassStandsBehindThoseItUses) {
  std::vector<ClassInfo> classes;
  add_classes<std::vector<everything::Item>>(classes);
  EXPECT_THAT(names(classes), ElementsAre("Color", "Item"));
  add_classes<everything::Everything>(classes);
  EXPECT_THAT(names(classes), ElementsAre("Color", "Item", "Point", "Level", "Node", "Everything"));
}

TEST(ClassesTest, MembersHaveTypesAndDefaults) {
  std::vector<ClassInfo> classes;
  add_classes<everything::Item>(classes);
  const ClassInfo& color = classes[0];
  EXPECT_EQ(color.kind, ClassInfo::Kind::str_enum);
  EXPECT_EQ(color.members[1].name, "green");
  EXPECT_EQ(color.members[1].msgpack, "\xa5green");
  const std::vector<ClassInfo::Member>& fields = classes[1].members;
  ASSERT_EQ(fields.size(), 5u);
  EXPECT_EQ(fields[1].type, "decimal.Decimal");
  EXPECT_FALSE(fields[1].has_default);
  EXPECT_EQ(fields[3].type, "Color | None");
  EXPECT_TRUE(fields[3].has_default);
  EXPECT_EQ(fields[4].msgpack, "\x01");
}

}  // namespace
}  // namespace zerogate
