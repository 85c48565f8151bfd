// What the tests of the raw-TCP port share.
#pragma once

#include <algorithm>
#include <list>
#include <string>
#include <vector>

#include "core/wire/t3.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/transport_fixture.h"

namespace zerogate::testing {

class TcpTest : public TransportTest {
 protected:
  RawClient& connect(int receive_buffer = 0) {
    return clients_.emplace_back(socket_->bound(), receive_buffer);
  }
  /// A client whose connection has been accepted.
  RawClient& connect_and_accept(int receive_buffer = 0) {
    const uint64_t before = tcp().accepted.value();
    RawClient& client = connect(receive_buffer);
    EXPECT_TRUE(run_until([&] { return tcp().accepted.value() > before; }));
    return client;
  }
  static std::string request(ByteView function, uint32_t id, ByteView argument = "\xc0") {
    std::string bytes;
    wire::t3::write_request(bytes, id, function, argument);
    return bytes;
  }
  /// The begin of a frame whose payload is to have this many bytes.
  static std::string frame_head(size_t payload) {
    std::string bytes;
    wire::t3::write_frame(bytes, 1, false, std::string(payload, '\xc0'));
    bytes.resize(wire::t3::kHeaderBytes);
    return bytes;
  }

  /// Sends all of it, while the loop runs and what comes back is read.
  ::testing::AssertionResult pump(RawClient& client, ByteView bytes) {
    return run_until([&] {
      client.send(bytes);
      client.receive();
      return bytes.empty() || client.ended();
    });
  }
  /// Waits for this many replies in all.
  std::vector<TcpReply> receive(RawClient& client, size_t count) {
    std::vector<TcpReply> replies;
    EXPECT_TRUE(run_until([&] {
      client.receive();
      for (TcpReply& reply : client.take_replies()) {
        replies.push_back(std::move(reply));
      }
      return replies.size() >= count || client.ended();
    }));
    EXPECT_EQ(replies.size(), count);
    replies.resize(count);  // so that a test that fails does not also crash
    return replies;
  }
  /// One call of "echo": is the connection in order?
  void expect_served(RawClient& client, uint32_t id = 4711) {
    ASSERT_TRUE(pump(client, request("echo", id, "\x2a")));
    const TcpReply reply = receive(client, 1)[0];
    EXPECT_EQ(reply.id, id);
    EXPECT_FALSE(reply.error);
    EXPECT_EQ(reply.body, "\x2a");
  }
  /// Waits for the connection's end; what comes before it can still be taken.
  ::testing::AssertionResult run_until_ended(RawClient& client) {
    return run_until([&] {
      client.receive();
      return client.ended();
    });
  }
  bool open(RawClient& client) {
    client.receive();
    return !client.ended();
  }

  const ListenerMetrics& tcp() const { return metrics_.of(Protocol::tcp); }
  uint64_t rejected(Rejected reason) const {
    return TransportTest::rejected(Protocol::tcp, reason);
  }
  uint64_t malformed(Malformed reason) const {
    return TransportTest::malformed(Protocol::tcp, reason);
  }
  uint64_t connections() const { return TransportTest::connections(Protocol::tcp); }

  std::list<RawClient> clients_;
};

}  // namespace zerogate::testing
