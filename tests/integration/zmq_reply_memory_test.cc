// What the ZeroMQ port keeps of the memory of large replies.
#include <gtest/gtest.h>

#include "core/wire/w5.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

constexpr size_t kLarge = 1 << 20;
constexpr size_t kSlack = 64 << 10;
constexpr uint64_t kForEverMs = 3'600'000;
constexpr uint64_t kCheckMs = 20;

class ZmqReplyMemoryTest : public TransportTest {
 protected:
  ZmqReplyMemoryTest() { fill_.body = value_of_size(kLarge); }

  void listen(uint64_t kept_ms) {
    ZmqOptions options;
    options.memory = &account_;
    options.blocks_kept_ms = kept_ms;
    options.reader_check_ms = kCheckMs;
    options.max_message = 16 << 20;
    listen_zmq(options);
    client_.emplace(context_.get(), socket_->bound());
  }
  static std::string request() {
    std::string request;
    wire::w5::write_request(request, std::string(wire::w5::kIdBytes, '1'), "fill", "\xc0");
    return request;
  }
  /// A large reply, until libzmq has let go of it.
  void call() {
    ASSERT_TRUE(client_->send(request()));
    ASSERT_TRUE(run_until([this] { return client_->receive().has_value(); }));
    ASSERT_TRUE(run_until([this] { return zmq_->largest_hoard() == 0; }));
    settle();
  }
  size_t held() const { return account_.held(MemoryUse::zmq_replies); }

  MemoryAccount account_;
  ZmqContext context_{zmq_ctx_new()};
  std::optional<ZmqClient> client_;
};

TEST_F(ZmqReplyMemoryTest, OneReplyAfterTheOtherUsesTheSameMemoryWhichIsCharged) {
  listen(kForEverMs);
  for (int i = 0; i < 5; ++i) {
    call();
    EXPECT_GE(held(), kLarge);
    EXPECT_LE(held(), kLarge + kSlack);
  }
}

TEST_F(ZmqReplyMemoryTest, IsNotKeptWhileMemoryIsShort) {
  listen(kForEverMs);
  call();
  ASSERT_GE(held(), kLarge);
  account_.set(MemoryUse::requests, account_.limit() / 2);
  EXPECT_TRUE(run_until([this] { return held() == 0; }));
  call();
  EXPECT_EQ(held(), 0);
}

struct Waiter final : MemoryAccount::Claimant {
  void on_memory() override {}
};

TEST_F(ZmqReplyMemoryTest, IsNotKeptWhileSomebodyWaitsForMemory) {
  listen(kForEverMs);
  call();
  ASSERT_GE(held(), kLarge);
  Waiter waiter;
  ASSERT_FALSE(account_.claim(waiter, MemoryUse::requests, account_.limit() + 1));
  EXPECT_TRUE(run_until([this] { return held() == 0; }));
  account_.release(waiter);
}

TEST_F(ZmqReplyMemoryTest, WhoHardlyReadsALongReplyGoesWhileOthersWaitForMemory) {
  fill_.body = value_of_size(16 << 20);
  listen(kForEverMs);
  ZmqClient::Options small;
  small.queue = 1;
  small.receive_buffer = 16 << 10;
  client_.emplace(context_.get(), socket_->bound(), small);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client_->send(request()));
  }
  ASSERT_TRUE(run_until([this] { return held() > fill_.body.size(); }));
  const auto ended = [this] { return rejected(Protocol::zmq, Rejected::send_memory); };
  ASSERT_TRUE(run_for_ms(10 * kCheckMs));
  EXPECT_EQ(ended(), 0u) << "nobody is harmed";
  Waiter waiter;
  const uint64_t since_ms = loop_.now_ms();
  ASSERT_FALSE(account_.claim(waiter, MemoryUse::requests, account_.limit() + 1));
  EXPECT_TRUE(run_until([&] { return ended() == 1; }));
  EXPECT_GE(loop_.now_ms() - since_ms, ZmqListener::kSlowReaderChecks * kCheckMs);
  EXPECT_TRUE(run_until([this] { return held() == 0; }));
  account_.release(waiter);
}

TEST_F(ZmqReplyMemoryTest, IsFreedWhenNoReplyNeedsIt) {
  listen(20);
  call();
  EXPECT_TRUE(run_until([this] { return held() == 0; }));
}

}  // namespace
}  // namespace zerogate::testing
