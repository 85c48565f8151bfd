// Who gets into a ZeroMQ port: with libzmq's own authentication, on real sockets.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>

#include <list>
#include <vector>

#include "core/io/zmq_curve.h"
#include "core/io/zmq_monitor.h"
#include "core/listener/zap_handler.h"
#include "core/wire/w5.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/transport_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

const std::string kPeerId(wire::w5::kIdBytes, '7');
constexpr int kHandshakeMs = 1'000;

std::string request(ByteView function) {
  std::string body;
  wire::w5::write_request(body, kPeerId, function, "\xc0");
  return body;
}

class ZmqAccessTest : public TransportTest {
 protected:
  /// A DEALER that has sent `message`; with keys when there are any.
  void* dial(const std::string& endpoint, ByteView message, const CurveCertificate& own = {}) {
    ZmqSocket dealer(zmq_socket(context_.get(), ZMQ_DEALER));
    set_option(dealer, ZMQ_LINGER, 0);
    set_option(dealer, ZMQ_SNDHWM, 0);
    set_option(dealer, ZMQ_RCVHWM, 0);
    if (!own.secret_key.empty()) {
      EXPECT_TRUE(speak_curve(dealer, server_.public_key, own.secret_key));
    }
    zmq_connect(dealer.get(), endpoint.c_str());
    zmq_send(dealer.get(), message.data(), message.size(), ZMQ_DONTWAIT);
    return dealers_.emplace_back(std::move(dealer)).get();
  }
  std::string receive(void* dealer) {
    ZmqMessage message;
    EXPECT_TRUE(run_until([&] { return message.receive(dealer); }));
    return std::string(message.received());
  }
  std::string call(void* dealer) {
    const std::string message = request("echo");
    zmq_send(dealer, message.data(), message.size(), ZMQ_DONTWAIT);
    return receive(dealer);
  }
  std::string port_endpoint() const { return "tcp://" + socket_->bound().display(); }
  void listen_curve(uint64_t stall_timeout_ms = 30'000) {
    ZmqOptions options;
    options.stall_timeout_ms = stall_timeout_ms;
    options.curve = {server_.secret_key, curve_clients_};
    listen_zmq(options);
  }
  uint64_t counted(CurveResult result) const {
    return metrics_.of(Protocol::zmq).curve[index_of(result)].value();
  }

  const CurveCertificate server_ = make_curve_pair();
  const CurveCertificate alice_ = make_curve_pair();
  const CurveCertificate mallory_ = make_curve_pair();
  std::shared_ptr<CurveClients> curve_clients_ = std::make_shared<CurveClients>();
  ZmqContext context_{zmq_ctx_new()};
  std::list<ZmqSocket> dealers_;
};

// libzmq 4.3.4 lets every peer in when no handler is there, unless it is told not to.
TEST_F(ZmqAccessTest, WithoutItsHandlerNoPeerGetsIn) {
  for (const bool curve : {false, true}) {
    ZmqContext context(zmq_ctx_new());
    ZmqSocket router(zmq_socket(context.get(), ZMQ_ROUTER));
    set_option(router, ZMQ_LINGER, 0);
    auto handler = ZapHandler::make(loop_.uv(), context.get(), [](auto&) { return "somebody"; });
    ASSERT_NE(handler, nullptr);
    ASSERT_TRUE(ZapHandler::enforce(router));
    ASSERT_TRUE(!curve || serve_curve(router, server_.secret_key));
    // A question that the handler no longer answers, or the question to none: both end a handshake.
    set_option(router, ZMQ_HANDSHAKE_IVL, kHandshakeMs);
    int failed = 0;
    ZmqMonitor::Hooks hooks;
    hooks.on_event = [&](int, int) { ++failed; };
    const auto monitor = ZmqMonitor::make(loop_.uv(), context.get(), router.get(),
                                          ZmqMonitor::kHandshakeFailed, std::move(hooks));
    ASSERT_EQ(zmq_bind(router.get(), "tcp://127.0.0.1:*"), 0);
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    zmq_getsockopt(router.get(), ZMQ_LAST_ENDPOINT, endpoint, &size);
    const CurveCertificate own = curve ? alice_ : CurveCertificate{};
    dial(endpoint, "while it is there", own);
    ZmqMessage message;
    ASSERT_TRUE(run_until([&] { return message.receive(router.get()); }));
    message.receive(router.get());
    EXPECT_EQ(message.received(), "while it is there");
    handler.reset();
    failed = 0;
    dial(endpoint, "when it has gone", own);
    ASSERT_TRUE(run_until([&] { return failed > 0; }));
    EXPECT_FALSE(message.receive(router.get()));
    dealers_.clear();
  }
}

// What a message has on the wire is worked out: a byte too few for each, and the bytes that are
// left of many would look like the beginning of one more.
TEST_F(ZmqAccessTest, ManyWholeMessagesLeaveNothingThatLooksLikeAHalfOne) {
  constexpr uint64_t kStallMs = 3'000;
  constexpr size_t kMessages = 2'000;
  constexpr size_t kAtOnce = 20;  // so few that none waits for long, however slow the machine
  curve_clients_->set({"folder", {{alice_.public_key, "alice"}}});
  for (const bool curve : {false, true}) {
    ZmqOptions plain;
    plain.stall_timeout_ms = kStallMs;
    curve ? listen_curve(kStallMs) : listen_zmq(plain);
    void* dealer = dial(port_endpoint(), request("echo"), curve ? alice_ : CurveCertificate{});
    receive(dealer);
    for (size_t i = 0; i < kMessages; ++i) {
      const std::string message = request("echo") + std::string(i % 300, '\xc0');
      if (i % 2 == 0) {  // the oldest format has two frames
        zmq_send(dealer, "echo", 4, ZMQ_DONTWAIT | ZMQ_SNDMORE);
      }
      zmq_send(dealer, message.data(), message.size(), ZMQ_DONTWAIT);
      for (size_t answers = 0; i % kAtOnce == kAtOnce - 1 && answers < kAtOnce; ++answers) {
        receive(dealer);
      }
    }
    ASSERT_TRUE(run_for_ms(2 * kStallMs));
    EXPECT_EQ(rejected(Protocol::zmq, Rejected::stalled), 0u) << (curve ? "CURVE" : "plain");
    EXPECT_EQ(connections(Protocol::zmq), 1u);
    dealers_.clear();
    ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == 0; }));
    zmq_.reset();
  }
}

TEST_F(ZmqAccessTest, AKeyThatIsNotAmongTheClientsIsRefused) {
  curve_clients_->set({"folder", {{alice_.public_key, "alice"}}});
  listen_curve();
  dial(port_endpoint(), request("echo"), mallory_);
  ASSERT_TRUE(run_until([&] { return counted(CurveResult::not_allowed) > 0; }));
  // libzmq's own client without keys may see first that this cannot be, and leave by itself.
  std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') + "NULL";
  greeting.resize(64);
  RawClient without_key(socket_->bound());
  without_key.send_all(greeting);
  ASSERT_TRUE(run_until([&] { return counted(CurveResult::protocol) > 0; }));
  EXPECT_EQ(begun(), 0u);
  EXPECT_EQ(receive(dial(port_endpoint(), request("echo"), alice_)), kPeerId + "\xc0");
  EXPECT_EQ(counted(CurveResult::ok), 1u);
  EXPECT_GE(rejected(Protocol::zmq, Rejected::not_allowed), 1u);
}

// libzmq finds a message that waits while a reply is sent, and has it ready when it is asked for
// its events: with an identity that does not say on which connection it came.
TEST_F(ZmqAccessTest, AKeyMayCallWhileAReplyIsSent) {
  curve_clients_->set({"folder", {{alice_.public_key, "alice"}}});
  listen_curve();
  void* const alice = dial(port_endpoint(), request("hold"), alice_);
  ASSERT_TRUE(run_until([&] { return !hold_.calls.empty(); }));
  settle();
  const std::string message = request("echo");
  zmq_send(alice, message.data(), message.size(), ZMQ_DONTWAIT);
  // Descriptors of the loop can be read when it has come, and the loop does not run meanwhile.
  pollfd arrived{.fd = uv_backend_fd(loop_.uv()), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&arrived, 1, static_cast<int>(kDeadlineMs)), 1);
  hold_.take().reply("\xc3");
  EXPECT_EQ(receive(alice), kPeerId + "\xc3");
  EXPECT_EQ(receive(alice), kPeerId + "\xc0");
  EXPECT_EQ(rejected(Protocol::zmq, Rejected::not_allowed), 0u);
}

TEST_F(ZmqAccessTest, WhoCallsIsKnownByTheNameOfTheKey) {
  curve_clients_->set({"folder", {{alice_.public_key, "alice"}}});
  listen_curve();
  void* const alice = dial(port_endpoint(), request("hold"), alice_);
  ASSERT_TRUE(run_until([&] { return !hold_.calls.empty(); }));
  const CallerKey key = hold_.calls.front().caller().key;
  EXPECT_EQ(zmq_->caller(key).name, "alice");
  EXPECT_TRUE(zmq_->caller(key).proven);
  EXPECT_EQ(zmq_->peer(key), "127.0.0.1");
  hold_.take().reply("\xc3");
  EXPECT_EQ(receive(alice), kPeerId + "\xc3");
}

TEST_F(ZmqAccessTest, AKeyThatIsTakenOutGetsErrorsOnTheConnectionThatItHas) {
  curve_clients_->set({"folder", {{alice_.public_key, "alice"}, {mallory_.public_key, "mallory"}}});
  listen_curve();
  void* const alice = dial(port_endpoint(), request("echo"), alice_);
  void* const mallory = dial(port_endpoint(), request("echo"), mallory_);
  EXPECT_EQ(receive(alice), kPeerId + "\xc0");
  EXPECT_EQ(receive(mallory), kPeerId + "\xc0");
  curve_clients_->set({"folder", {{alice_.public_key, "alice"}}});
  EXPECT_THAT(call(mallory), HasSubstr("the key of mallory is not allowed any more"));
  EXPECT_THAT(call(mallory), HasSubstr("the key of mallory is not allowed any more"));
  EXPECT_EQ(call(alice), kPeerId + "\xc0");
  EXPECT_EQ(ended(Outcome::invalid), 2u);
  EXPECT_EQ(rejected(Protocol::zmq, Rejected::not_allowed), 1u) << "once for the peer";
}

TEST_F(ZmqAccessTest, AnAddressThatIsNotAllowedIsRefused) {
  ZmqOptions options;
  options.allow = {AddressRange::parse("10.0.0.0/8").value()};
  listen_zmq(options);
  dial(port_endpoint(), request("echo"));
  ASSERT_TRUE(run_until([&] { return rejected(Protocol::zmq, Rejected::not_allowed) > 0; }));
  ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == 0; }));
  EXPECT_EQ(begun(), 0u);
  EXPECT_EQ(malformed(Protocol::zmq, Malformed::bad_handshake), 0u);
}

}  // namespace
}  // namespace zerogate::testing
