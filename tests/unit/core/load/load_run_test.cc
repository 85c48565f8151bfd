// Whole runs against servers of a few lines: what is counted, and as what.
#include "core/load/load_run.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/base/loopback.h"
#include "tests/unit/core/load/load_fixture.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr size_t kIdBytes = wire::w5::kIdBytes;
constexpr std::string_view kConnectAnswer =
    "\xa9"
    "connected";

std::string error_body_of(wire::ErrorKey key, std::string_view message) {
  std::string body;
  wire::write_error(body, key, message);
  return body;
}

class LoadRunTest : public testing::LoadTest {
 protected:
  /// Answers `connect`, and no call.
  static ZmqPeer::Replies answer_connect(const std::string& request) {
    if (request.substr(kIdBytes) != "connect") {
      return {};
    }
    return {request.substr(0, kIdBytes) + std::string(kConnectAnswer)};
  }
  /// Answers `connect`, and the calls with what `serve` makes of their number.
  static ZmqPeer::Answer zmq_server_of(std::function<std::string(int number)> serve) {
    return [serve = std::move(serve), number = 0](const std::string& request) mutable {
      const std::string id = request.substr(0, kIdBytes);
      if (request.substr(kIdBytes) == "connect") {
        return ZmqPeer::Replies{id + std::string(kConnectAnswer)};
      }
      EXPECT_EQ(request.substr(kIdBytes), "f" + std::string(79, ' ') + "\x05");
      return ZmqPeer::Replies{id + serve(number++)};
    };
  }
  /// The same over raw TCP, for one connection. When `serve` makes nothing it sends its last bytes
  /// and closes.
  static std::function<void(int)> tcp_server_of(std::function<std::string(int number)> serve,
                                                std::string last = {}) {
    return [serve = std::move(serve), last = std::move(last)](int fd) {
      int number = 0;
      for (std::string buffer;;) {
        const wire::t3::Frame frame = read_frame(fd, buffer);
        if (frame.payload.empty()) {
          return;
        }
        const bool connects = wire::t3::parse_envelope(frame.payload).function == "connect";
        const std::string body = connects ? std::string(kConnectAnswer) : serve(number++);
        if (body.empty()) {
          return write_all(fd, last);
        }
        std::string answer;
        wire::t3::write_frame(answer, frame.id, wire::is_error_body(body), body);
        write_all(fd, answer);
        buffer.erase(0, frame.size);
      }
    };
  }
};

TEST_F(LoadRunTest, OverZmqEveryConnectionKeepsItsCallsInFlight) {
  ZmqPeer server(zmq_server_of([](int) { return "\x07"; }));
  options_.connections = 3;
  options_.depth = 2;
  options_.expected = "\x07";
  ASSERT_TRUE(run(server.url(), [](const LoadReport& report) { return report.answered >= 50; }));
  EXPECT_EQ(report().requests(), report().answered);
  EXPECT_EQ(report().error_count(), 0u);
  EXPECT_EQ(report().unfinished, 6u);
  EXPECT_EQ(report().request_bytes, kIdBytes + wire::w5::kNameBytes + 1);
  EXPECT_EQ(report().received_bytes, report().requests() * (kIdBytes + 1));
  EXPECT_GT(report().measured_ns, 0u);
  EXPECT_LT(report().measured_ns, 20'000'000'000u);
  EXPECT_EQ(report().disconnects, 0u);
}

TEST_F(LoadRunTest, OverTcpTheConnectionKeepsItsCallsInFlight) {
  tcp_peer_ = std::make_unique<TcpPeer>(tcp_server_of([](int) { return "\x07"; }));
  options_.depth = 4;
  options_.expected = "\x07";
  ASSERT_TRUE(
      run(tcp_peer_->url(), [](const LoadReport& report) { return report.answered >= 50; }));
  EXPECT_EQ(report().requests(), report().answered);
  EXPECT_EQ(report().error_count(), 0u);
  EXPECT_EQ(report().unfinished, 4u);
  EXPECT_EQ(report().received_bytes, report().requests() * (wire::t3::kHeaderBytes + 1));
}

// No read takes the whole of it.
TEST_F(LoadRunTest, OverTcpAnAnswerMayBeLong) {
  std::string body = "\xdb";
  body += std::string("\x00\x04\x93\xe0", 4) + std::string(300'000, 'x');
  tcp_peer_ = std::make_unique<TcpPeer>(tcp_server_of([body](int) { return body; }));
  options_.expected = body;
  ASSERT_TRUE(run(tcp_peer_->url(), [](const LoadReport& report) { return report.answered >= 3; }));
  EXPECT_EQ(report().error_count(), 0u);
  EXPECT_EQ(report().received_bytes, report().requests() * (wire::t3::kHeaderBytes + body.size()));
}

TEST_F(LoadRunTest, ARunEndsByItselfAndWaitsForItsLastAnswers) {
  ZmqPeer server(zmq_server_of([](int) { return "\x07"; }));
  options_.connections = 2;
  options_.duration_ms = 30;
  options_.warmup_ms = 20;
  ASSERT_TRUE(run(server.url()));
  EXPECT_EQ(report().measured_ns, 30'000'000u);
  EXPECT_EQ(report().unfinished, 0u);
  EXPECT_EQ(report().error_count(), 0u);
  EXPECT_GE(report().answered, report().requests()) << "those of the warm-up";
}

// Of the calls that are due every millisecond each is answered, however late.
TEST_F(LoadRunTest, AnOpenLoopSendsWhatIsDueWhateverTheServerDoes) {
  ZmqPeer server(zmq_server_of([](int number) {
    return number % 10 == 3 ? error_body_of(wire::ErrorKey::function_not_found, "no f") : "\x07";
  }));
  options_.rate = 1'000;
  options_.connections = 2;
  options_.depth = 3;
  options_.duration_ms = 60;
  options_.timeout_ms = 20'000;
  ASSERT_TRUE(run(server.url()));
  EXPECT_EQ(report().requests(), 54u);
  EXPECT_EQ(count(CallError::not_found), 6u);
  EXPECT_EQ(report().lateness.count(), 60u);
  EXPECT_EQ(report().answered, 60u);
}

// Not only when something else wakes up the loop: nothing is answered. A busy machine may be late
// in one run, but not in all of them.
TEST_F(LoadRunTest, CallsOfAnOpenLoopAreSentWhenTheyAreDue) {
  constexpr uint64_t kSoonNs = 2'000'000;
  options_.rate = 1'000;
  options_.depth = 100;
  options_.duration_ms = 60;
  options_.timeout_ms = 60;
  uint64_t median_ns = kSoonNs;
  for (int tries = 0; tries < 50 && median_ns >= kSoonNs; ++tries) {
    ZmqPeer server(answer_connect);
    ASSERT_TRUE(run(server.url()));
    median_ns = report().lateness.quantile(0.5);
  }
  EXPECT_LT(median_ns, kSoonNs);
}

// The first call is never answered, and no other place is free.
TEST_F(LoadRunTest, CallsOfAnOpenLoopThatFindNoPlaceInTimeAreUnsent) {
  ZmqPeer server(answer_connect);
  options_.rate = 100;
  options_.duration_ms = 400;
  options_.timeout_ms = 300;
  ASSERT_TRUE(run(server.url()));
  EXPECT_EQ(report().requests(), 0u);
  EXPECT_GE(count(CallError::timeout), 1u);
  EXPECT_GE(count(CallError::unsent), 1u);
  EXPECT_EQ(report().error_count(), 40u);
  EXPECT_THAT(sample(CallError::timeout), HasSubstr("no answer within 300 ms"));
  EXPECT_THAT(sample(CallError::unsent), HasSubstr("no connection had room"));
}

TEST_F(LoadRunTest, FailuresAreCountedByTheirKindEachWithItsFirstText) {
  tcp_peer_ = std::make_unique<TcpPeer>(tcp_server_of([](int number) {
    switch (number) {
      case 0:
        return error_body_of(wire::ErrorKey::function_not_found, "no f");
      case 1:
        return error_body_of(wire::ErrorKey::server_exception, "boom");
      case 2:
        return error_body_of(wire::ErrorKey::validation_error, "wrong");
      case 3:
        return std::string("\x08");
      default:
        return std::string("\x07");
    }
  }));
  options_.expected = "\x07";
  ASSERT_TRUE(run(tcp_peer_->url(), [](const LoadReport& report) { return report.answered == 5; }));
  EXPECT_EQ(count(CallError::not_found), 1u);
  EXPECT_EQ(count(CallError::exception), 1u);
  EXPECT_EQ(count(CallError::validation), 1u);
  EXPECT_EQ(count(CallError::unexpected), 1u);
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_THAT(sample(CallError::exception), HasSubstr("boom"));
  EXPECT_EQ(sample(CallError::unexpected), "8");
}

TEST_F(LoadRunTest, AConnectionThatEndsCostsItsCallsAndIsOpenedAgain) {
  ZmqPeer server([first = true](const std::string& request) mutable -> ZmqPeer::Replies {
    const std::string id = request.substr(0, kIdBytes);
    if (request.substr(kIdBytes) == "connect") {
      return {id + std::string(kConnectAnswer)};
    }
    return {(std::exchange(first, false) ? std::string(kIdBytes, 'x') : id) + "\x07"};
  });
  ASSERT_TRUE(run(server.url(), [](const LoadReport& report) { return report.answered >= 3; }));
  EXPECT_EQ(count(CallError::malformed), 1u);
  EXPECT_EQ(report().error_count(), 1u);
  EXPECT_EQ(report().disconnects, 1u);
  EXPECT_EQ(sample(CallError::malformed), "it sent something that is no reply of Zero's protocol");
}

TEST_F(LoadRunTest, AnUnansweredConnectDuringTheLoadIsTriedAgain) {
  ZmqPeer server([connects = 0](const std::string& request) mutable -> ZmqPeer::Replies {
    const std::string id = request.substr(0, kIdBytes);
    if (request.substr(kIdBytes) == "connect") {
      return ++connects == 2 ? ZmqPeer::Replies{}
                             : ZmqPeer::Replies{id + std::string(kConnectAnswer)};
    }
    return {(connects == 1 ? std::string(kIdBytes, 'x') : id) + "\x07"};
  });
  options_.timeout_ms = 500;
  ASSERT_TRUE(run(server.url(), [](const LoadReport& report) { return report.answered >= 3; }));
  EXPECT_EQ(count(CallError::malformed), 1u);
}

TEST_F(LoadRunTest, AKeepAliveIsNoAnswer) {
  ZmqPeer server([](const std::string& request) -> ZmqPeer::Replies {
    const std::string id = request.substr(0, kIdBytes);
    const bool connects = request.substr(kIdBytes) == "connect";
    return {std::string(kIdBytes, '\0'), id + (connects ? std::string(kConnectAnswer) : "\x07")};
  });
  ASSERT_TRUE(run(server.url(), [](const LoadReport& report) { return report.answered >= 3; }));
  EXPECT_EQ(report().error_count(), 0u);
}

TEST_F(LoadRunTest, BytesThatAreNoReplyEndTheConnectionAndAreToldAsWhatTheyAre) {
  const std::pair<std::string, std::string> kinds[] = {
      {{"\xff\0\0\0\0\0\0\0\x01\x7f", 10},
       "it does not speak Zero's TCP protocol; is it a ZeroMQ port (zmq://)?"},
      {{"\x70\0\0\0\0\0\0\0\x01", 9}, "a reply was too large"},
      {{"\0\0\0\x04\0\0\0\0\x01", 9}, "it sent something that is no reply of Zero's TCP protocol"},
      {{"\0\0\0\x06\0\x12\x34\x56\0\x01", 10}, "it sent an answer to no call of ours"}};
  for (const auto& [bytes, why] : kinds) {
    tcp_peer_ = std::make_unique<TcpPeer>(tcp_server_of([](int) { return ""; }, bytes));
    ASSERT_TRUE(
        run(tcp_peer_->url(), [](const LoadReport& report) { return report.disconnects == 1; }));
    EXPECT_EQ(count(CallError::malformed), 1u) << why;
    EXPECT_EQ(sample(CallError::malformed), why);
  }
}

TEST_F(LoadRunTest, AServerThatClosesFailsTheCallsUnderWay) {
  tcp_peer_ = std::make_unique<TcpPeer>(tcp_server_of([](int) { return ""; }));
  options_.depth = 3;
  ASSERT_TRUE(
      run(tcp_peer_->url(), [](const LoadReport& report) { return report.disconnects == 1; }));
  EXPECT_EQ(count(CallError::disconnected), 3u);
  EXPECT_EQ(sample(CallError::disconnected), "the server closed the connection");
  EXPECT_EQ(report().answered, 0u);
}

TEST_F(LoadRunTest, WhereNobodyListensNothingIsMeasured) {
  const testing::LoopbackPort port;  // and nobody listens
  const std::string place = fmt::format("://127.0.0.1:{}", port.number());
  const Status tcp = run("tcp" + place);
  ASSERT_FALSE(tcp);
  EXPECT_EQ(tcp.error(),
            "cannot connect to tcp" + place + ": connection refused; is the server running?");
}

TEST_F(LoadRunTest, AHostThatCannotBeFoundIsTold) {
  const std::string url = "tcp://" + std::string(64, 'a') + ":1";  // longer than a label may be
  options_.url = ServerUrl::parse(url).value();
  EventLoop loop;
  LoadRun load(loop, options_);
  const Status status = load.run();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error(), StartsWith("cannot connect to " + url + ": cannot find the host "));
}

// The kernel refuses at once, and not in a later turn.
TEST_F(LoadRunTest, AnAddressThatCannotBeReachedIsTold) {
  const Status status = run("tcp://255.255.255.255:1");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error(), ::testing::ContainsRegex(
                                  "^cannot connect to tcp://255.255.255.255:1: (permission denied|"
                                  "network is unreachable); is the server running\\?$"));
}

TEST_F(LoadRunTest, AServerThatDoesNotAnswerConnectIsGivenUp) {
  ZmqPeer server([](const std::string&) -> ZmqPeer::Replies { return {}; });
  options_.timeout_ms = 50;
  const Status status = run(server.url());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), "cannot connect to " + server.url() +
                                ": no answer to `connect` within 50 ms; is the server running, "
                                "and is this its ZeroMQ port?");
}

TEST_F(LoadRunTest, OnlyTheAnswerToConnectOpensAConnection) {
  tcp_peer_ = std::make_unique<TcpPeer>([](int fd) {
    std::string buffer;
    std::string answer;
    wire::t3::write_frame(answer, read_frame(fd, buffer).id - 1, false, kConnectAnswer);
    write_all(fd, answer);
  });
  const Status tcp = run(tcp_peer_->url());
  ASSERT_FALSE(tcp);
  EXPECT_THAT(tcp.error(), HasSubstr(": it sent an answer to no call of ours; is the server"));
  ZmqPeer server([](const std::string& request) -> ZmqPeer::Replies {
    std::string id = request.substr(0, kIdBytes);
    --id.back();
    return {id + std::string(kConnectAnswer)};
  });
  const Status zmq = run(server.url());
  ASSERT_FALSE(zmq);
  EXPECT_THAT(zmq.error(), HasSubstr(": it sent an answer to no call of ours; is the server"));
}

TEST_F(LoadRunTest, ConnectIsAnsweredOnce) {
  tcp_peer_ = std::make_unique<TcpPeer>([](int fd) {
    std::string buffer;
    std::string answer;
    wire::t3::write_frame(answer, read_frame(fd, buffer).id, false, kConnectAnswer);
    write_all(fd, answer + answer);
  });
  ZmqPeer server([](const std::string& request) -> ZmqPeer::Replies {
    const std::string answer = request.substr(0, kIdBytes) + std::string(kConnectAnswer);
    const bool connects = request.substr(kIdBytes) == "connect";
    return connects ? ZmqPeer::Replies{answer, answer} : ZmqPeer::Replies{};
  });
  for (const std::string& url : {tcp_peer_->url(), server.url()}) {
    ASSERT_TRUE(run(url, [](const LoadReport& report) { return report.disconnects == 1; }));
    EXPECT_EQ(sample(CallError::malformed), "it sent an answer to no call of ours") << url;
  }
}

TEST_F(LoadRunTest, MayBeStoppedWhileItConnects) {
  ZmqPeer server([](const std::string&) -> ZmqPeer::Replies { return {}; });
  const Status status = run(server.url(), [](const LoadReport&) { return true; });
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error(), StartsWith("interrupted while connecting to zmq://"));
}

}  // namespace
}  // namespace zerogate
