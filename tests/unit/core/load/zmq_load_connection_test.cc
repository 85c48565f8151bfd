// Against servers that write ZMTP byte by byte, and such as do not speak it.
#include "core/load/zmq_load_connection.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "core/wire/w5.h"
#include "core/wire/zmtp.h"
#include "tests/unit/core/load/load_fixture.h"
#include "tests/unit/core/wire/zmtp_bytes.h"

namespace zerogate {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr ByteView kOk = "\x07";

/// A server's side of one connection: reads ZMTP, and says what it is told to.
class ZmtpScript : public testing::ZmtpBytes {
 public:
  explicit ZmtpScript(int fd) : fd_(fd) {}

  void say(ByteView bytes) { write_all(fd_, bytes); }
  /// The peer's greeting is read, and nothing is made of it.
  void skip_greeting() { buffer_.erase(0, fill(wire::zmtp::kGreetingBytes)); }
  /// The body of the next frame, empty at the end.
  std::string next() {
    for (;;) {
      const auto frame = wire::zmtp::parse_frame(buffer_, 1 << 20);
      if (frame.status == wire::zmtp::FrameStatus::whole) {
        std::string body(frame.body);
        buffer_.erase(0, frame.size);
        return body;
      }
      if (fill(buffer_.size() + 1) == 0) {
        return {};
      }
    }
  }
  /// Up to the answer to `connect`.
  void welcome() {
    say(greeting());
    skip_greeting();
    say(ready("ROUTER"));
    next();
    const std::string connect = next();
    say(frame(connect.substr(0, wire::w5::kIdBytes) + "\xa9" + "connected"));
  }
  void wait_for_the_end() {
    while (!next().empty()) {
    }
  }

 private:
  /// Reads until there are so many bytes. Their number, 0 when there will be no more.
  size_t fill(size_t wanted) {
    while (buffer_.size() < wanted) {
      char chunk[4096];
      const ssize_t count = read(fd_, chunk, sizeof chunk);
      if (count <= 0) {
        return 0;
      }
      buffer_.append(chunk, static_cast<size_t>(count));
    }
    return wanted;
  }

  const int fd_;
  std::string buffer_;
};

class ZmqLoadConnectionTest : public testing::LoadTest {
 protected:
  ZmqLoadConnectionTest() { options_.expected = kOk; }

  /// Runs against a server of this script until so many calls are answered or have failed.
  Status run_script(const std::function<void(ZmtpScript&)>& script, uint64_t enough = 1) {
    const TcpPeer server([&script](int fd) {
      ZmtpScript peer(fd);
      script(peer);
    });
    Status status =
        run_to_the_end("zmq" + server.url().substr(3), [enough](const LoadReport& report) {
          return report.requests() + report.error_count() >= enough;
        });
    disconnect();  // which the script waits for
    return status;
  }
};

TEST_F(ZmqLoadConnectionTest, BytesMayComeOneByOne) {
  const auto slowly = [](ZmtpScript& peer, ByteView bytes) {
    for (const char& byte : bytes) {
      peer.say({&byte, 1});
    }
  };
  ASSERT_TRUE(run_script([&](ZmtpScript& peer) {
    slowly(peer, ZmtpScript::greeting());
    peer.skip_greeting();
    slowly(peer, ZmtpScript::ready("ROUTER"));
    EXPECT_THAT(peer.next(),
                StartsWith("\x05READY\x0bSocket-Type" + std::string(3, '\0') + "\x06" + "DEALER"));
    for (;;) {
      const std::string request = peer.next();
      if (request.empty()) {
        return;
      }
      slowly(peer, ZmtpScript::frame(request.substr(0, wire::w5::kIdBytes) + std::string(kOk)));
    }
  }));
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_EQ(report().error_count(), 0u);
}

TEST_F(ZmqLoadConnectionTest, AnswersAPing) {
  std::string pong;
  ASSERT_TRUE(run_script([&](ZmtpScript& peer) {
    peer.welcome();
    const std::string call = peer.next();
    peer.say(ZmtpScript::ping("ctx"));
    pong = peer.next();
    peer.say(ZmtpScript::frame(call.substr(0, wire::w5::kIdBytes) + std::string(kOk)));
    peer.wait_for_the_end();
  }));
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_EQ(pong, "\x04PONGctx");
}

TEST_F(ZmqLoadConnectionTest, OtherCommandsAreLeftAlone) {
  std::string pong;
  ASSERT_TRUE(run_script([&](ZmtpScript& peer) {
    peer.welcome();
    const std::string call = peer.next();
    peer.say(ZmtpScript::command("SUBSCRIBE", std::string("\0\x64"
                                                          "all",
                                                          5)));
    peer.say(
        ZmtpScript::frame("\x09"
                          "PING",
                          4));  // shorter than it says
    peer.say(ZmtpScript::ping("last"));
    pong = peer.next();
    peer.say(ZmtpScript::frame(call.substr(0, wire::w5::kIdBytes) + std::string(kOk)));
    peer.wait_for_the_end();
  }));
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_EQ(pong, "\x04PONGlast") << "the first that came back";
}

TEST_F(ZmqLoadConnectionTest, WhoIsNoZeroMqServerIsTold) {
  const std::string greeting = ZmtpScript::greeting();
  std::string curve = greeting;
  curve.replace(12, 5, "CURVE");
  const std::pair<std::string, std::string> kinds[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n",
       "it does not speak ZeroMQ; is it a raw-TCP port (tcp://)?"},
      {curve, "it asks for CURVE or PLAIN; has it a port without?"},
      {greeting + ZmtpScript::command("ERROR", "\x02no"), "it refused the handshake of ZMTP"},
      {greeting + ZmtpScript::frame("", 4), "it refused the handshake of ZMTP"},
      {greeting + ZmtpScript::frame("early"), "it sent something that is no ZMTP"},
      {greeting + "\xff\xff", "it sent something that is no ZMTP"},
  };
  for (const auto& [bytes, why] : kinds) {
    const Status status = run_script([&bytes = bytes](ZmtpScript& peer) {
      peer.say(bytes);
      peer.wait_for_the_end();
    });
    ASSERT_FALSE(status) << why;
    EXPECT_THAT(status.error(), HasSubstr(": " + why));
    if (why.ends_with('?')) {
      EXPECT_THAT(status.error(), EndsWith(why)) << "no second question";
    }
  }
}

TEST_F(ZmqLoadConnectionTest, WhatIsNoReplyEndsTheConnection) {
  const std::pair<std::string, std::string> kinds[] = {
      {std::string("\x01\x01i\0\x01x", 6), "it sent a message of several frames"},
      {ZmtpScript::frame("short"), "it sent something that is no reply of Zero's protocol"},
      {"\x08", "it sent something that is no ZMTP"},
      {std::string("\x02\x7f\0\0\0\0\0\0\0", 9), "a reply was too large"},
  };
  for (const auto& [bytes, why] : kinds) {
    ASSERT_TRUE(run_script([&bytes = bytes](ZmtpScript& peer) {
      peer.welcome();
      peer.next();
      peer.say(bytes);
      peer.wait_for_the_end();
    })) << why;
    EXPECT_EQ(sample(CallError::malformed), why);
    EXPECT_EQ(report().disconnects, 1u);
  }
}

// No read takes the whole of it.
TEST_F(ZmqLoadConnectionTest, AnAnswerMayBeLong) {
  std::string body("\xdb\x00\x04\x93\xe0", 5);
  body += std::string(300'000, 'x');
  options_.expected = body;
  ASSERT_TRUE(run_script(
      [&](ZmtpScript& peer) {
        peer.welcome();
        for (;;) {
          const std::string call = peer.next();
          if (call.empty()) {
            return;
          }
          peer.say(ZmtpScript::frame(call.substr(0, wire::w5::kIdBytes) + body));
        }
      },
      3));
  EXPECT_EQ(report().error_count(), 0u);
  EXPECT_GE(report().requests(), 3u);
}

}  // namespace
}  // namespace zerogate
