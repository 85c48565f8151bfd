#include "core/base/out_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate {
namespace {

TEST(OutBufferTest, BeginsWithNothingAndOwnsNothing) {
  OutBuffer buffer;
  buffer.append({});
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u) << "an idle connection has one of these";
}

TEST(OutBufferTest, KeepsWhatIsWrittenInAnyWay) {
  OutBuffer buffer;
  std::string model;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(static_cast<size_t>(i % 17), static_cast<char>('a' + i % 26));
    buffer.append(piece);
    buffer.push_back('|');
    char* const at = buffer.make_room(100);
    EXPECT_EQ(buffer.size(), model.size() + piece.size() + 1) << "not before it is committed";
    at[0] = at[1] = '-';
    buffer.commit(at + 2);
    model += piece + "|--";
    ASSERT_EQ(buffer.view(), model);
  }
  buffer.cut(5);
  EXPECT_EQ(buffer.view(), model.substr(0, 5));
  buffer.cut(6);
  EXPECT_EQ(buffer.size(), 5u) << "it cuts, and does not grow";
}

TEST(OutBufferTest, ClearKeepsTheMemoryOfUsualMessages) {
  OutBuffer buffer;
  buffer.append(std::string(100, 'x'));
  buffer.clear(100);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 100u);
  buffer.append(std::string(101, 'x'));
  buffer.clear(100);
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

TEST(OutBufferTest, MovesItsBytes) {
  OutBuffer from;
  from.append("bytes");
  const char* const where = from.view().data();
  OutBuffer to(std::move(from));
  EXPECT_EQ(to.view(), "bytes");
  EXPECT_EQ(to.view().data(), where) << "moved, not copied";
  EXPECT_EQ(std::exchange(to, {}).view(), "bytes");
  EXPECT_TRUE(to.empty());
}

TEST(OutBufferTest, WhatIsAppendedWithMayBeShorterThanItsRoom) {
  const auto write = [](char* to) {
    to[0] = 'y';
    return to + 1;
  };
  OutBuffer buffer;
  buffer.append("x");
  append_with(buffer, 50, write);
  std::string text = "x";
  append_with(text, 50, write);
  EXPECT_EQ(buffer.view(), "xy");
  EXPECT_EQ(text, "xy");
}

}  // namespace
}  // namespace zerogate
