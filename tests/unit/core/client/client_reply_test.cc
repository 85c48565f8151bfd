#include "core/client/client_reply.h"

#include <gtest/gtest.h>

#include "core/wire/t3.h"

namespace zerogate {
namespace {

using namespace std::string_literals;

constexpr ByteView kOneId = "0123456789abcdef";

std::string frame_of(uint32_t id, bool is_error, ByteView payload) {
  std::string frame;
  wire::t3::write_frame(frame, id, is_error, payload);
  return frame;
}

TEST(ClientReplyTest, ATcpReplyIsTakenWhenItIsWhole) {
  const std::string frame = frame_of(1, true, "\x01");
  std::string received = frame.substr(0, frame.size() - 1);
  auto reply = take_tcp_reply(received, 1);
  ASSERT_TRUE(reply.ok());
  EXPECT_FALSE(reply.value());
  received += frame.back() + frame_of(2, false, "\x02");
  reply = take_tcp_reply(received, 1);
  ASSERT_TRUE(reply.ok() && reply.value());
  EXPECT_TRUE(reply.value()->is_error);
  EXPECT_EQ(reply.value()->body, "\x01");
  EXPECT_EQ(received, frame_of(2, false, "\x02")) << "the next one is left";
}

TEST(ClientReplyTest, TcpRepliesToOthersAreDropped) {
  std::string received = frame_of(7, false, "\x01") + frame_of(1, false, "\x02");
  const auto reply = take_tcp_reply(received, 1);
  ASSERT_TRUE(reply.ok() && reply.value());
  EXPECT_EQ(reply.value()->body, "\x02");
}

TEST(ClientReplyTest, ATcpStreamThatIsNoneIsToldOf) {
  std::string zmtp = "\xff\0\0\0\0\0\0\0\1\x7f"s;
  std::string empty = "\0\0\0\5\0\0\0\1\0"s;
  EXPECT_NE(take_tcp_reply(zmtp, 1).error().find("ZeroMQ port"), std::string::npos);
  EXPECT_EQ(take_tcp_reply(empty, 1).error(), "sent a malformed reply");
}

TEST(ClientReplyTest, AZmqReplyBeginsWithItsId) {
  EXPECT_FALSE(zmq_reply("0123456789abcdeF\x01", kOneId));
  EXPECT_FALSE(zmq_reply("0123", kOneId));
  EXPECT_EQ(zmq_reply("0123456789abcdef\x01", kOneId)->body, "\x01");
  EXPECT_EQ(zmq_reply(kOneId, kOneId)->body, "\xc0") << "nothing is None";
  EXPECT_FALSE(zmq_reply(kOneId, kOneId)->is_error);
  EXPECT_TRUE(zmq_reply("0123456789abcdef\x81\xac__zerror__ab\x01", kOneId)->is_error);
}

}  // namespace
}  // namespace zerogate
