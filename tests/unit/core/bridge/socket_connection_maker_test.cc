// A backend over real sockets, with servers of a few lines: what they are sent, which of their
// replies count, and what callers hear of the others.
#include "core/bridge/socket_connection_maker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/bridge/backend.h"
#include "core/io/zmq_curve.h"
#include "core/io/zmq_socket.h"
#include "core/log/log.h"
#include "core/wire/hops.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/w5.h"
#include "tests/unit/core/base/loopback.h"
#include "tests/unit/core/bridge/fake_name_server.h"
#include "tests/unit/core/client/test_peer.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kConnected =
    "\xa9"
    "connected";

/// A request as a reply, so that a test can look at it.
std::string shown(std::string_view request) {
  std::string body;
  wire::write_bin(body, request);
  return body;
}

size_t open_descriptors() {
  using Entries = std::filesystem::directory_iterator;
  return static_cast<size_t>(std::distance(Entries("/proc/self/fd"), Entries()));
}

class SocketBackendTest : public ::testing::Test, private EndOfTurn {
 protected:
  static constexpr size_t kMaxMessage = 2'000;  ///< and so many brackets are too many

  SocketBackendTest() {
    log::set_level(log::Level::off);
    loop_.add(*this);
    options_.name = "b";
    options_.connections = 1;
    options_.in_flight = 8;
    options_.timeout_ms = 60'000;
    options_.connect_timeout_ms = 20'000;
    patience_.start(20'000);
  }
  ~SocketBackendTest() override {
    backend_.reset();
    EXPECT_EQ(calls_.in_flight(), 0u) << "a call was lost";
  }

  void begin(const std::string& url) {
    options_.urls = {ServerUrl::parse(url).value()};
    backend_ = std::make_unique<Backend>(context_, options_, metrics_);
    run_until([&] { return backend_->settled(); });
  }
  /// A thread of libzmq closes what its sockets had: waits until no more than so many are open.
  void end(size_t descriptors) {
    backend_.reset();
    while (open_descriptors() > descriptors) {
      ASSERT_TRUE(patience_.active()) << "it takes for ever";
      uv_run(loop_.uv(), UV_RUN_NOWAIT);
    }
  }
  void begin(std::function<void(int)> script) {
    tcp_server_ = std::make_unique<TcpPeer>(std::move(script));
    begin(tcp_server_->url());
  }
  void call(std::string_view function, std::string_view argument = "\xc0", uint8_t hops = 0,
            uint32_t timeout_ms = 60'000) {
    Call call = calls_.begin({&sink_, {7, 3}, Wire::t3, RequestId("0001")}, labels_.other(), 1);
    backend_->forward({.function = function, .argument = argument, .hops = hops}, std::move(call),
                      timeout_ms);
  }
  /// The answer to the newest call.
  std::string answer() {
    const size_t wanted = ++answers_;
    run_until([&] { return sink_.answers.size() >= wanted; });
    return sink_.answers.size() == wanted ? sink_.answers.back().body : "";
  }
  std::string answer_to(std::string_view function, std::string_view argument = "\xc0") {
    call(function, argument);
    return answer();
  }
  void run_until(const std::function<bool()>& condition) {
    while (!condition()) {
      ASSERT_TRUE(patience_.active()) << "it takes for ever";
      uv_run(loop_.uv(), UV_RUN_ONCE);
    }
  }

 private:
  void end_of_turn() override {
    if (backend_ != nullptr) {
      backend_->flush();
    }
  }

  std::unique_ptr<TcpPeer> tcp_server_;  ///< ends when its connection does
  EventLoop loop_;
  Timer patience_{loop_.timers(), [] {}};
  ZmqContext zmq_{zmq_ctx_new()};
  SocketConnectionMaker maker_{loop_, zmq_.get()};
  FakeNameServer names_;
  std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
  FunctionLabels labels_{{}};
  WorkerMetrics worker_metrics_{labels_};
  AccessLogSettings no_log_;
  CallTable calls_{100, worker_metrics_, no_log_};
  RecordingSink sink_;
  size_t answers_ = 0;
  RequestMemory requests_;

 protected:
  MemoryAccount memory_;
  BridgeContext context_{.loop = loop_.uv(),
                         .timers = &loop_.timers(),
                         .maker = &maker_,
                         .lookups = &names_,
                         .connection = {.max_message = kMaxMessage,
                                        .read_buffer = read_buffer_.data(),
                                        .memory = &memory_,
                                        .identity = "gateway:12345678"},
                         .requests = &requests_,
                         .learn = [](ByteView) { return std::nullopt; },
                         .states = std::make_shared<StateLog>(),
                         .on_dirty = [](Backend&) {},
                         .seed = 1};
  BackendOptions options_;
  std::shared_ptr<BackendMetrics> metrics_ = std::make_shared<BackendMetrics>("b");
  std::unique_ptr<Backend> backend_;
};

// ---- ZeroMQ

using Replies = ZmqPeer::Replies;

std::string id_of(const std::string& request) { return request.substr(0, wire::w5::kIdBytes); }
std::string name_of(const std::string& request) {
  return std::string(wire::w5::parse_request(request).function);
}
/// Answers `connect` as Zero does; what it does to other calls, a test says.
ZmqPeer::Answer zmq_server(ZmqPeer::Answer serve) {
  return [serve = std::move(serve)](const std::string& request) -> Replies {
    if (name_of(request) == "connect") {
      return {id_of(request) + std::string(kConnected)};
    }
    return serve(request);
  };
}

TEST_F(SocketBackendTest, ZmqRequestsAreAsAClientOfZeroSendsThem) {
  ZmqPeer server(zmq_server(
      [](const std::string& request) -> Replies { return {id_of(request) + shown(request)}; }));
  begin(server.url());
  const std::string padded = "hello" + std::string(75, ' ');
  EXPECT_THAT(answer_to("hello", "\x05"), EndsWith(padded + "\x05"));
  EXPECT_THAT(answer_to("hello", "\xc0"), EndsWith(padded)) << "nil is an empty argument";
}

TEST_F(SocketBackendTest, ZmqRequestsCarryTheirHopsInTheirIds) {
  ZmqPeer server(zmq_server(
      [](const std::string& request) -> Replies { return {id_of(request) + shown(request)}; }));
  begin(server.url());
  call("f", "\x05", 2);
  const std::string request = answer().substr(2);  // behind the head of a bin
  EXPECT_EQ(wire::hops_of_id(id_of(request)), 3);
}

TEST_F(SocketBackendTest, AZmqServerMayHaveAnAddressOfIPv6) {
  ZmqPeer server(zmq_server([](const std::string&) -> Replies { return {}; }), "tcp://[::1]:*");
  if (server.url() == "zmq") {
    GTEST_SKIP() << "no IPv6 here";
  }
  begin(server.url());
  EXPECT_EQ(metrics_->endpoints().front()->up.value(), 1);
}

TEST_F(SocketBackendTest, AZmqConnectionBeginsWithTheGatewaysIdentity) {
  ZmqPeer server([](const std::string& request) -> Replies {
    const bool good = request == "gateway:12345678connect";
    return {id_of(request) + (good ? std::string(kConnected) : "\x07")};
  });
  begin(server.url());
  EXPECT_EQ(metrics_->endpoints().front()->up.value(), 1);
}

TEST_F(SocketBackendTest, AnEmptyZmqReplyIsNil) {
  ZmqPeer server(
      zmq_server([](const std::string& request) -> Replies { return {id_of(request)}; }));
  begin(server.url());
  EXPECT_EQ(answer_to("f"), "\xc0");
}

// A frame that is shorter than an id, what has more frames than one, a keep-alive, an id that we
// never gave, and an answer that comes twice.
TEST_F(SocketBackendTest, ZmqMessagesThatAnswerNoCallAreLeftAlone) {
  ZmqPeer server(zmq_server([](const std::string& request) -> Replies {
    const std::string id = id_of(request);
    const std::string right = id + "\xa5right";
    std::string other = id;
    other.back() ^= 0x40;
    return {
        std::string(),  std::string("\x01"), std::string(16, '0'), std::string(16, 'x') + "\x02",
        other + "\x03", {id + "\x04", true}, std::string(),        right,
        right};
  }));
  begin(server.url());
  EXPECT_EQ(answer_to("f"), "\xa5right");
  EXPECT_EQ(answer_to("f"), "\xa5right");
}

TEST_F(SocketBackendTest, AZmqReplyThatCannotBeUsedCostsItsOwnCall) {
  ZmqPeer server(zmq_server([](const std::string& request) -> Replies {
    const std::string kind = name_of(request);
    return {id_of(request) + (kind == "long"   ? shown(std::string(kMaxMessage, 'x'))
                              : kind == "deep" ? std::string(kMaxMessage, '\x91')
                              : kind == "odd"  ? "\xc1"
                                               : "\x01")};
  }));
  begin(server.url());
  EXPECT_THAT(answer_to("long"), HasSubstr("'b' sent a reply of 2003 bytes, limit 2000"));
  EXPECT_THAT(answer_to("deep"), HasSubstr("'b' sent a reply that is nested deeper than"));
  EXPECT_THAT(answer_to("odd"), HasSubstr("reply of 1 bytes that is not one MessagePack value"));
  EXPECT_EQ(answer_to("good"), "\x01");
}

TEST_F(SocketBackendTest, NobodyAtAZmqPortIsToldAsThat) {
  const LoopbackPort port;  // and nobody listens
  begin(fmt::format("zmq://127.0.0.1:{}", port.number()));
  EXPECT_THAT(answer_to("f"), HasSubstr("the connection was refused or closed"));
}

TEST_F(SocketBackendTest, AZmqServerWithoutOurKeyIsToldAsThat) {
  ZmqPeer server([](const std::string&) -> Replies { return {}; });
  options_.curve_server_key.key = make_curve_pair().public_key;
  options_.curve_secret_key.key = make_curve_pair().secret_key;
  begin(server.url());
  EXPECT_THAT(answer_to("f"),
              HasSubstr("the handshake was refused: are its keys and ours the right ones?"));
}

/// What a context keeps from its first socket on.
size_t descriptors_of_libzmq() {
  const ZmqContext context(zmq_ctx_new());
  const size_t before = open_descriptors();
  const ZmqSocket socket(zmq_socket(context.get(), ZMQ_DEALER));
  return open_descriptors() - before - 1;
}

/// Lets this process open so many descriptors more, while it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    int highest = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      highest = std::max(highest, std::stoi(entry.path().filename()));
    }
    do {
      holes_.emplace_back(dup(STDERR_FILENO));
    } while (holes_.back().get() < highest);
    const rlim_t used = static_cast<rlim_t>(holes_.back().get()) + 1;
    const rlimit limit{used + more, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<UniqueFd> holes_;
};

// A socket and the two of its monitor: without one of them there is no connection, and it says why.
TEST_F(SocketBackendTest, AZmqConnectionIsMadeWholeOrNotAtAll) {
  const LoopbackPort port;  // and nobody listens
  const size_t others = open_descriptors() + descriptors_of_libzmq();
  begin(fmt::format("zmq://127.0.0.1:{}", port.number()));  // from now on libzmq has its own
  for (const rlim_t descriptors : {0, 1, 2}) {
    end(others);
    const FewDescriptors few(descriptors);
    begin(fmt::format("zmq://127.0.0.1:{}", port.number()));
    EXPECT_THAT(answer_to("f"), HasSubstr("cannot make a ZeroMQ connection: Too many open files"))
        << descriptors;
  }
}

TEST_F(SocketBackendTest, AZmqServerOfAnotherKindIsNotUsed) {
  ZmqPeer server([](const std::string& request) -> Replies { return {id_of(request) + "\x07"}; });
  begin(server.url());
  EXPECT_THAT(answer_to("f"), HasSubstr("something else than Zero's servers do"));
}

// ---- Raw TCP

std::string reply_frame(uint32_t id, std::string_view body) {
  std::string frame;
  wire::t3::write_frame(frame, id, false, body);
  return frame;
}

/// Answers `connect`, then each call with the bytes that `serve` makes, until the peer has gone, or
/// one that is called "end" has been answered.
std::function<void(int)> tcp_server(
    std::function<std::string(const wire::t3::Frame&, std::string_view function)> serve) {
  return [serve = std::move(serve)](int fd) {
    for (std::string buffer;;) {
      const wire::t3::Frame frame = read_frame(fd, buffer);
      if (frame.payload.empty()) {
        return;
      }
      const std::string function(wire::t3::parse_envelope(frame.payload).function);
      write_all(fd,
                function == "connect" ? reply_frame(frame.id, kConnected) : serve(frame, function));
      if (function == "end") {
        return;
      }
      buffer.erase(0, frame.size);
    }
  };
}

TEST_F(SocketBackendTest, TcpRequestsAreAsAClientOfZeroSendsThem) {
  begin(tcp_server([](const wire::t3::Frame& request, std::string_view) {
    return reply_frame(request.id, shown(request.payload));
  }));
  EXPECT_EQ(answer_to("hello", "\x05"), shown("\x82\xa2"
                                              "fn\xa5hello\xa4"
                                              "data\x05"));
}

TEST_F(SocketBackendTest, TcpRequestsCarryTheirHopsInTheirFlags) {
  begin(tcp_server([](const wire::t3::Frame& request, std::string_view) {
    return reply_frame(request.id, std::string(1, static_cast<char>(request.flag & 0x0f)));
  }));
  call("f", "\x05", 2);
  EXPECT_EQ(answer(), "\x03");
}

// A long reply's memory is claimed as a whole before it is read.
TEST_F(SocketBackendTest, ALongTcpReplyIsInTheWorkersAccountUntilItIsWhole) {
  context_.connection.max_message = 1 << 20;
  std::promise<void> go;
  const std::string body = shown(std::string(300'000, 'x'));
  begin([go = go.get_future().share(), body](int fd) {
    std::string buffer;
    const wire::t3::Frame connect = read_frame(fd, buffer);
    write_all(fd, reply_frame(connect.id, kConnected));
    buffer.erase(0, connect.size);
    const std::string reply = reply_frame(read_frame(fd, buffer).id, body);
    write_all(fd, reply.substr(0, 100'000));
    go.wait();
    write_all(fd, reply.substr(100'000));
  });
  call("f");
  run_until([&] { return memory_.held(MemoryUse::backend_replies) >= body.size(); });
  go.set_value();
  EXPECT_EQ(answer(), body);
  EXPECT_EQ(memory_.held(MemoryUse::backend_replies), 0u);
  backend_.reset();
}

// One link that begins a long reply to no call, and never ends it, would keep its memory from all.
TEST_F(SocketBackendTest, ALongTcpReplyToNoCallIsNotKept) {
  context_.connection.max_message = 1 << 20;
  const std::string stray = reply_frame(0x12345, shown(std::string(300'000, 'x')));
  begin(tcp_server([=](const wire::t3::Frame& request, std::string_view begun) {
    const std::string right = reply_frame(request.id, "\xa5right");
    const int part = std::stoi(std::string(begun));
    return part > 0 ? right + stray.substr(0, part) : stray.substr(-part) + right;
  }));
  for (const int part : {4, 8, 9, 28, 100'000}) {
    EXPECT_EQ(answer_to(std::to_string(part)), "\xa5right");
    EXPECT_EQ(memory_.held(MemoryUse::backend_replies), 0u) << part;
    EXPECT_EQ(answer_to(std::to_string(-part)), "\xa5right") << part;
  }
}

// Its call waits no more when it begins, another one on its link still does.
TEST_F(SocketBackendTest, ALongTcpReplyToACallThatWasGivenUpIsNotKept) {
  context_.connection.max_message = 1 << 20;
  std::promise<void> given_up, seen;
  begin([go = given_up.get_future().share(), end = seen.get_future().share()](int fd) {
    std::string buffer;
    std::vector<uint32_t> ids;
    const auto next = [&] {
      const wire::t3::Frame frame = read_frame(fd, buffer);
      ids.push_back(frame.id);
      buffer.erase(0, frame.size);
    };
    next();
    write_all(fd, reply_frame(ids[0], kConnected));
    next();
    next();
    next();
    go.wait();
    const std::string late = reply_frame(ids[1], shown(std::string(300'000, 'x')));
    write_all(fd, reply_frame(ids[2], "\x02") + late.substr(0, 100'000));
    end.wait();
    write_all(fd, late.substr(100'000) + reply_frame(ids[3], "\x03"));
  });
  call("late", "\xc0", 0, 1);
  call("quick");
  call("other");
  EXPECT_THAT(answer(), HasSubstr("did not answer within 1 ms"));
  given_up.set_value();
  EXPECT_EQ(answer(), "\x02");
  EXPECT_EQ(memory_.held(MemoryUse::backend_replies), 0u);
  seen.set_value();
  EXPECT_EQ(answer(), "\x03");
}

TEST_F(SocketBackendTest, ALongTcpAnswerToConnectIsNoneOfZeros) {
  context_.connection.max_message = 1 << 20;
  begin([](int fd) {
    std::string buffer;
    const uint32_t id = read_frame(fd, buffer).id;
    write_all(fd, reply_frame(id, shown(std::string(300'000, 'x'))).substr(0, 28));
    read_frame(fd, buffer);
  });
  EXPECT_THAT(answer_to("f"), HasSubstr("something else than Zero's servers do"));
}

TEST_F(SocketBackendTest, TcpRepliesThatAnswerNoCallAreLeftAlone) {
  begin(tcp_server([](const wire::t3::Frame& request, std::string_view) {
    const std::string right = reply_frame(request.id, "\xa5right");
    return reply_frame(request.id ^ 0x4000'0000, "\x03") + right + right;
  }));
  EXPECT_EQ(answer_to("f"), "\xa5right");
  EXPECT_EQ(answer_to("f"), "\xa5right");
}

TEST_F(SocketBackendTest, ATcpReplyThatCannotBeUsedCostsItsOwnCall) {
  begin(tcp_server([](const wire::t3::Frame& request, std::string_view kind) {
    return reply_frame(request.id, kind == "long"   ? std::string(1 << 20, 'x')
                                   : kind == "deep" ? std::string(kMaxMessage, '\x91')
                                   : kind == "odd"  ? "\xc1"
                                   : kind == "none" ? ""
                                                    : "\x01");
  }));
  EXPECT_THAT(answer_to("long"), HasSubstr("'b' sent a reply of 1048576 bytes, limit 2000"));
  EXPECT_THAT(answer_to("deep"), HasSubstr("'b' sent a reply that is nested deeper than"));
  EXPECT_THAT(answer_to("odd"), HasSubstr("reply of 1 bytes that is not one MessagePack value"));
  EXPECT_THAT(answer_to("none"), HasSubstr("reply of 0 bytes that is not one MessagePack value"));
  EXPECT_EQ(answer_to("good"), "\x01");
}

// Its length cannot be believed, so nobody knows where the next reply begins.
TEST_F(SocketBackendTest, ALongTcpReplyToNoCallEndsTheConnection) {
  begin(tcp_server([](const wire::t3::Frame& request, std::string_view) {
    return reply_frame(request.id ^ 0x4000'0000, std::string(100'000, 'x'));
  }));
  EXPECT_THAT(answer_to("f"), HasSubstr("no reply of Zero's TCP protocol"));
}

TEST_F(SocketBackendTest, ATcpFrameWithoutRoomForItsHeaderEndsTheConnection) {
  begin(tcp_server(
      [](const wire::t3::Frame&, std::string_view) { return std::string("\0\0\0\x04xxxxx", 9); }));
  EXPECT_THAT(answer_to("f"), HasSubstr("no reply of Zero's TCP protocol"));
}

// The kernel refuses at once, and not after its time to connect.
TEST_F(SocketBackendTest, ATcpAddressThatCannotBeReachedIsToldAsThat) {
  begin("tcp://255.255.255.255:1");
  EXPECT_THAT(answer_to("f"), ContainsRegex("permission denied|network is unreachable"));
}

TEST_F(SocketBackendTest, ATcpServerThatClosesIsToldAsThat) {
  begin(tcp_server([](const wire::t3::Frame&, std::string_view) { return ""; }));
  EXPECT_THAT(answer_to("end"), HasSubstr("the connection was closed"));
}

}  // namespace
}  // namespace zerogate::testing
