#include "core/base/byte_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate {
namespace {

TEST(ByteBufferTest, BeginsWithNothingAndOwnsNothing) {
  const ByteBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.capacity(), 0u) << "an idle connection has one of these";
  EXPECT_EQ(buffer.view(), "");
}

TEST(ByteBufferTest, KeepsWhatIsAppended) {
  ByteBuffer buffer;
  std::string model;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(static_cast<size_t>(i % 17), static_cast<char>('a' + i % 26));
    buffer.append(piece);
    model += piece;
    ASSERT_EQ(buffer.size(), model.size());
  }
  EXPECT_EQ(buffer.view(), model);
}

TEST(ByteBufferTest, NothingAppendedAllocatesNothing) {
  ByteBuffer buffer;
  buffer.append({});
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ByteBufferTest, PrepareMakesRoomForExactlyThatMuch) {
  ByteBuffer buffer;
  buffer.append("head");
  char* at = buffer.prepare(100);
  EXPECT_EQ(buffer.capacity(), 104u);
  EXPECT_EQ(buffer.size(), 4u) << "not before it is committed";
  std::memcpy(at, "tail", 4);
  buffer.commit(4);
  EXPECT_EQ(buffer.view(), "headtail");
  EXPECT_EQ(buffer.capacity(), 104u);
  EXPECT_EQ(buffer.prepare(96), buffer.view().data() + 8) << "what is left is used first";
  EXPECT_EQ(buffer.capacity(), 104u);
}

TEST(ByteBufferTest, ReleaseGivesTheMemoryBack) {
  ByteBuffer buffer;
  buffer.append("something");
  buffer.release();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

TEST(ByteBufferTest, MovesItsBytes) {
  ByteBuffer from;
  from.append("bytes");
  const char* const where = from.view().data();
  ByteBuffer to(std::move(from));
  EXPECT_EQ(to.view(), "bytes");
  EXPECT_EQ(to.view().data(), where) << "moved, not copied";
  ByteBuffer third;
  third.append("other");
  third = std::move(to);
  EXPECT_EQ(third.view(), "bytes");
}

#ifndef NDEBUG
TEST(ByteBufferTest, CommittingMoreThanThereIsRoomForIsABug) {
  ByteBuffer buffer;
  buffer.prepare(4);
  EXPECT_DEATH(buffer.commit(5), "written <=");
}
#endif

}  // namespace
}  // namespace zerogate
