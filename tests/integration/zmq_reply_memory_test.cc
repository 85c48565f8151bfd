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

class ZmqReplyMemoryTest : public TransportTest {
 protected:
  ZmqReplyMemoryTest() { fill_.body = value_of_size(kLarge); }

  void listen(uint64_t kept_ms) {
    ZmqOptions options;
    options.memory = &account_;
    options.blocks_kept_ms = kept_ms;
    listen_zmq(options);
    client_.emplace(context_.get(), socket_->bound());
  }
  /// A large reply, until libzmq has let go of it.
  void call() {
    std::string request;
    wire::w5::write_request(request, std::string(wire::w5::kIdBytes, '1'), "fill", "\xc0");
    ASSERT_TRUE(client_->send(request));
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

TEST_F(ZmqReplyMemoryTest, IsFreedWhenNoReplyNeedsIt) {
  listen(20);
  call();
  EXPECT_TRUE(run_until([this] { return held() == 0; }));
}

}  // namespace
}  // namespace zerogate::testing
