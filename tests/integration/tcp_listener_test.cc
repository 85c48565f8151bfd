// The raw-TCP port over real sockets: how requests are read, replies written, and clients leave.
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"
#include "tests/integration/tcp_fixture.h"

namespace zerogate::testing {
namespace {

using TcpListenerTest = TcpTest;

std::string number(uint64_t value) {
  std::string bytes;
  wire::write_uint(bytes, value);
  return bytes;
}

TEST_F(TcpListenerTest, AnswersOnEachKindOfAddress) {
  const std::string path = fmt::format("/tmp/zerogate-test-{}.sock", getpid());
  for (const std::string& address :
       {std::string("127.0.0.1:0"), std::string("[::1]:0"), "unix:" + path}) {
    SCOPED_TRACE(address);
    listen_tcp({}, address);
    RawClient& client = connect();
    ASSERT_TRUE(pump(client, request("connect", 1) + request("echo", 2, "\xc3") +
                                 request("nothing", UINT32_MAX)));
    const std::vector<TcpReply> replies = receive(client, 3);
    EXPECT_EQ(replies[0].body,
              "\xa9"
              "connected");
    EXPECT_EQ(replies[1].body, "\xc3");
    EXPECT_EQ(replies[1].id, 2u);
    EXPECT_FALSE(replies[1].error);
    EXPECT_EQ(replies[2].id, UINT32_MAX);
    EXPECT_TRUE(replies[2].error);
    tcp_.reset();
  }
}

TEST_F(TcpListenerTest, FramesMayBeCutAnywhere) {
  listen_tcp();
  RawClient& client = connect();
  const std::string frames =
      request("echo", 1, value_of_size(20)) + request("echo", 2, value_of_size(9));
  for (size_t cut = 1; cut < frames.size(); ++cut) {
    SCOPED_TRACE(cut);
    const uint64_t before = tcp().received_bytes.value();
    client.send_all(frames.substr(0, cut));
    ASSERT_TRUE(run_until([&] { return tcp().received_bytes.value() == before + cut; }));
    client.send_all(frames.substr(cut));
    const std::vector<TcpReply> replies = receive(client, 2);
    ASSERT_EQ(replies[0].body, value_of_size(20));
    ASSERT_EQ(replies[1].body, value_of_size(9));
  }
}

TEST_F(TcpListenerTest, FramesMayComeByteByByte) {
  listen_tcp();
  RawClient& client = connect();
  const std::string frames = request("echo", 1, "\x01") + request("echo", 2, "\x02");
  for (size_t i = 0; i < frames.size(); ++i) {
    client.send_all(frames.substr(i, 1));
    ASSERT_TRUE(run_until([&] { return tcp().received_bytes.value() == i + 1; }));
  }
  const std::vector<TcpReply> replies = receive(client, 2);
  EXPECT_EQ(replies[0].body, "\x01");
  EXPECT_EQ(replies[1].body, "\x02");
}

// Frames around the size of the shared read buffer, where a frame gets memory of its own.
TEST_F(TcpListenerTest, LongFramesMayBeCutAnywhereToo) {
  listen_tcp();
  RawClient& client = connect();
  constexpr size_t kBuffer = FrameReader::kSharedBytes;
  for (const size_t size : {kBuffer - 32, kBuffer - 9, kBuffer, kBuffer + 1, 5 * kBuffer}) {
    const std::string argument = value_of_size(size);
    const std::string frames =
        request("echo", 1, argument) + request("echo", 2, "\x02") + request("echo", 3, argument);
    for (const size_t cut : {size_t{1}, size_t{3}, size_t{4}, size_t{9}, kBuffer - 1, kBuffer,
                             kBuffer + 1, size + 10, frames.size() - 1}) {
      SCOPED_TRACE(fmt::format("{} bytes cut at {}", size, cut));
      const uint64_t before = tcp().received_bytes.value();
      ASSERT_TRUE(pump(client, ByteView(frames).substr(0, cut)));
      ASSERT_TRUE(run_until([&] { return tcp().received_bytes.value() == before + cut; }));
      ASSERT_TRUE(pump(client, ByteView(frames).substr(cut)));
      const std::vector<TcpReply> replies = receive(client, 3);
      ASSERT_EQ(replies[0].body, argument);
      ASSERT_EQ(replies[1].body, "\x02");
      ASSERT_EQ(replies[2].body, argument);
    }
  }
}

TEST_F(TcpListenerTest, TenThousandFramesInOneWriteAreAllAnsweredInOrder) {
  listen_tcp();
  RawClient& client = connect();
  constexpr uint32_t kFrames = 10'000;
  std::string frames;
  for (uint32_t id = 0; id < kFrames; ++id) {
    frames += request("echo", id, number(id));
  }
  ASSERT_TRUE(pump(client, frames));
  const std::vector<TcpReply> replies = receive(client, kFrames);
  for (uint32_t id = 0; id < kFrames; ++id) {
    ASSERT_EQ(replies[id].id, id);
    ASSERT_EQ(replies[id].body, number(id));
  }
  EXPECT_EQ(ended(Outcome::ok), kFrames);
}

TEST_F(TcpListenerTest, AllRepliesOfATurnLeaveInOneWrite) {
  listen_tcp();
  RawClient& client = connect_and_accept();
  constexpr uint32_t kFrames = 100;
  std::string frames;
  for (uint32_t id = 0; id < kFrames; ++id) {
    frames += request("echo", id);
  }
  client.send_all(frames);
  ASSERT_TRUE(run_until([&] { return ended(Outcome::ok) == kFrames && tcp_->flushed(); }));
  client.receive_once(64 << 10);
  EXPECT_EQ(client.take_replies().size(), kFrames) << "by one read";
  EXPECT_EQ(client.data_segments(), 1u);
  EXPECT_EQ(tcp().sent_bytes.value(), kFrames * (wire::t3::kHeaderBytes + 1));

  // The same for replies that come later, between two turns.
  for (uint32_t id = 0; id < kFrames; ++id) {
    client.send_all(request("hold", id));
  }
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == kFrames; }));
  while (!hold_.calls.empty()) {
    hold_.take().reply("\xc0");
  }
  EXPECT_FALSE(tcp_->flushed());
  ASSERT_TRUE(run_until([&] { return tcp_->flushed(); }));
  EXPECT_EQ(receive(client, kFrames).size(), kFrames);
  EXPECT_EQ(client.data_segments(), 2u);
}

TEST_F(TcpListenerTest, RepliesGoToTheirRequestsInWhateverOrderTheyCome) {
  listen_tcp();
  RawClient& client = connect();
  client.send_all(request("hold", 7) + request("hold", 8) + request("echo", 9, "\x09"));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 2; }));
  Call first = hold_.take();
  hold_.take().reply("\x08");
  std::move(first).fail(Outcome::timeout, "too late");
  const std::vector<TcpReply> replies = receive(client, 3);
  EXPECT_EQ(replies[0].id, 9u);
  EXPECT_EQ(replies[1].id, 8u);
  EXPECT_EQ(replies[2].id, 7u);
  EXPECT_TRUE(replies[2].error);
}

TEST_F(TcpListenerTest, StopsReadingAtTheCapOfCallsAndGoesOnBelowIt) {
  constexpr uint32_t kCap = StreamSession::kMaxCallsInFlight;
  constexpr uint32_t kSurplus = 76;
  listen_tcp();
  RawClient& client = connect();
  std::string frames;
  for (uint32_t id = 0; id < kCap + kSurplus; ++id) {
    frames += request("hold", id);
  }
  ASSERT_TRUE(pump(client, frames));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == kCap; }));
  settle();
  EXPECT_EQ(begun(), kCap);
  RawClient& other = connect();
  expect_served(other);  // somebody else has a cap of his own

  hold_.take().reply("\xc0");
  ASSERT_TRUE(run_until([&] { return begun() == kCap + 2; })) << "with the other's one";
  settle();
  EXPECT_EQ(hold_.calls.size(), kCap) << "one for one";

  std::vector<TcpReply> replies = receive(client, 1);
  while (replies.size() < kCap + kSurplus) {
    ASSERT_TRUE(run_until([&] { return !hold_.calls.empty(); }));
    const size_t under_way = hold_.calls.size();
    while (!hold_.calls.empty()) {
      hold_.take().reply("\xc0");
    }
    for (TcpReply& reply : receive(client, under_way)) {
      replies.push_back(std::move(reply));
    }
  }
  for (uint32_t id = 0; id < replies.size(); ++id) {
    ASSERT_EQ(replies[id].id, id);
  }
  expect_served(client);
}

TEST_F(TcpListenerTest, AHalfClosedPeerGetsItsReplies) {
  listen_tcp();
  RawClient& client = connect();
  client.send_all(request("echo", 1) + request("hold", 2) + request("hold", 3));
  client.half_close();
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 2; }));
  settle();
  EXPECT_TRUE(open(client)) << "two calls are still under way";
  hold_.take().reply("\x02");
  settle();
  EXPECT_TRUE(open(client));
  hold_.take().reply("\x03");
  ASSERT_TRUE(run_until_ended(client));
  EXPECT_FALSE(client.was_reset());
  const std::vector<TcpReply> replies = client.take_replies();
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(replies[2].body, "\x03");
  EXPECT_EQ(ended(Outcome::ok), 3u);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(TcpListenerTest, AnIdlePeerThatClosesIsClosed) {
  listen_tcp();
  RawClient& client = connect_and_accept();
  client.half_close();
  ASSERT_TRUE(run_until_ended(client));
  EXPECT_EQ(connections(), 0u);
}

TEST_F(TcpListenerTest, AFrameThatIsCutOffIsCountedAndTheOnesBeforeAnswered) {
  listen_tcp();
  RawClient& client = connect();
  client.send_all(request("echo", 1, "\x01") + request("hold", 2) +
                  request("echo", 3).substr(0, 7));
  client.half_close();
  ASSERT_TRUE(run_until([&] { return malformed(Malformed::truncated) == 1; }));
  EXPECT_TRUE(open(client));
  hold_.take().reply("\x02");
  ASSERT_TRUE(run_until_ended(client));
  const std::vector<TcpReply> replies = client.take_replies();
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[1].body, "\x02");
}

TEST_F(TcpListenerTest, WhatCannotBeReadEndsTheConnectionBehindTheRepliesBeforeIt) {
  const struct {
    std::string bytes;
    Malformed reason;
  } cases[] = {
      {std::string("\0\0\0\4\0\0\0\0", 8), Malformed::bad_length},
      {std::string("\0\0\0\5\0\0\0\0\0", 9), Malformed::empty},
      {std::string("\x7f\0\0\0\0\0\0\0\0", 9), Malformed::too_large},
      {std::string("\0\0\0\6\0\0\0\1\0\xc1", 10), Malformed::bad_msgpack},
      {"GET / HTTP/1.1\r\n\r\n", Malformed::other_protocol},
      {request("\xff\xfe", 1), Malformed::bad_name},
  };
  listen_tcp();
  for (const auto& [bytes, reason] : cases) {
    SCOPED_TRACE(kMalformedNames[index_of(reason)]);
    RawClient& client = connect();
    client.send_all(request("echo", 1, "\x01") + bytes + request("echo", 2, "\x02"));
    ASSERT_TRUE(run_until_ended(client));
    const std::vector<TcpReply> replies = client.take_replies();
    ASSERT_EQ(replies.size(), 1u) << "what stands behind it is not read";
    EXPECT_EQ(replies[0].body, "\x01");
    EXPECT_EQ(malformed(reason), 1u);
  }
  EXPECT_EQ(connections(), 0u);
}

TEST_F(TcpListenerTest, AnAnswerToAClientThatHasGoneIsAbandoned) {
  listen_tcp();
  RawClient& client = connect();
  client.send_all(request("hold", 1) + request("hold", 2));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 2; }));
  client.reset();
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  hold_.take().reply("\xc0");
  hold_.take().fail(Outcome::error, "x");
  EXPECT_EQ(ended(Outcome::abandoned), 2u);
  EXPECT_EQ(tcp().sent_bytes.value(), 0u);
}

TEST_F(TcpListenerTest, ANewConnectionInAnOldSlotNeverGetsAnOldAnswer) {
  listen_tcp();
  RawClient& old = connect();
  old.send_all(request("hold", 1));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 1; }));
  Call late = hold_.take();
  old.reset();
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));

  RawClient& fresh = connect();
  fresh.send_all(request("hold", 1));  // the same id, too
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 1; }));
  std::move(late).reply("\xa3old");
  EXPECT_EQ(ended(Outcome::abandoned), 1u);
  hold_.take().reply("\xa3new");
  EXPECT_EQ(receive(fresh, 1)[0].body, "\xa3new");
  settle();
  fresh.receive();
  EXPECT_EQ(fresh.received(), "") << "and nothing else";
}

TEST_F(TcpListenerTest, AClientMayLeaveWhileItsFramesWaitForTheCap) {
  listen_tcp();
  RawClient& client = connect();
  std::string frames;
  for (uint32_t id = 0; id < 2 * StreamSession::kMaxCallsInFlight; ++id) {
    frames += request("hold", id);
  }
  ASSERT_TRUE(pump(client, frames));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == StreamSession::kMaxCallsInFlight; }));
  client.reset();
  // It is not read from, so nobody notices before it is written to.
  while (!hold_.calls.empty()) {
    hold_.take().reply("\xc0");
  }
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
}

TEST_F(TcpListenerTest, StopsAcceptingAndServesOn) {
  listen_tcp();
  RawClient& client = connect_and_accept();
  tcp_->stop_accepting();
  RawClient& late = connect();  // the kernel still completes it
  ASSERT_TRUE(pump(late, request("echo", 1)));
  expect_served(client);
  settle();
  EXPECT_EQ(tcp().accepted.value(), 1u);
  EXPECT_EQ(begun(), 1u);
}

TEST_F(TcpListenerTest, ClosesAllWithCallsUnderWay) {
  listen_tcp();
  RawClient& one = connect();
  RawClient& two = connect();
  one.send_all(request("hold", 1));
  two.send_all(request("hold", 2));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 2; }));
  tcp_->close_all();
  EXPECT_EQ(connections(), 0u);
  hold_.take().reply("\xc0");
  EXPECT_EQ(ended(Outcome::abandoned), 1u);
  ASSERT_TRUE(run_until_ended(one));
  ASSERT_TRUE(run_until_ended(two));
}

TEST_F(TcpListenerTest, CountsWhatGoesInAndOut) {
  listen_tcp();
  RawClient& client = connect();
  expect_served(client);
  EXPECT_EQ(tcp().received_bytes.value(), request("echo", 1).size());
  EXPECT_EQ(tcp().sent_bytes.value(), wire::t3::kHeaderBytes + 1);
  EXPECT_EQ(tcp().accepted.value(), 1u);
  EXPECT_EQ(connections(), 1u);
}

}  // namespace
}  // namespace zerogate::testing
