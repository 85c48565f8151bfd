// What a connection to a real Redis cannot even be begun with, and how its name is looked up.
#include "core/redis/socket_redis_network.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>

#include "core/io/event_loop.h"
#include "tests/unit/core/base/loopback.h"
#include "tests/unit/core/io/silent_tls_observer.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;

struct IdleRedisOwner final : RedisConnection::Owner {
  void on_connected() override {}
  void on_bytes() override {}
  void on_redis_reply(const RedisReply&) override {}
  void on_writable() override {}
  void on_broken(std::string_view, RedisBreak) override {}
};

class SocketRedisNetworkTest : public ::testing::Test {
 protected:
  SocketRedisNetworkTest() { patience_.start(20'000); }

  /// Why no connection is begun; empty when one is.
  std::string refusal(const Address& address) {
    auto opened = network_.open(owner_, address);
    return opened.ok() ? "" : opened.error();
  }
  /// What there is of a name, once it is known.
  RedisLookup::Addresses look_up(const std::string& host) {
    std::optional<RedisLookup::Addresses> found;
    const auto lookup =
        network_.make_lookup([&](RedisLookup::Addresses answer) { found = std::move(answer); });
    EXPECT_TRUE(lookup->start(host));
    EXPECT_TRUE(lookup->running());
    while (!found) {
      if (!patience_.active()) {
        return Error{"it takes for ever"};
      }
      loop_.run_turn();
    }
    EXPECT_FALSE(lookup->running());
    return *std::move(found);
  }

  EventLoop loop_;
  Timer patience_{loop_.timers(), [] {}};
  SocketRedisNetwork network_{
      loop_.uv(), std::make_shared<NameService>([](const std::string& host) {
        return host == "redis.test"
                   ? NameAnswer{NameAnswer::Kind::found, {"10.0.0.7", "10.0.0.8"}, ""}
                   : NameAnswer{NameAnswer::Kind::failed, {}, "the name server is away"};
      })};
  IdleRedisOwner owner_;
};

TEST_F(SocketRedisNetworkTest, ThePathOfAUnixSocketHasItsLimit) {
  const std::string longest = "/" + std::string(106, 'x');
  EXPECT_EQ(refusal({.host = {}, .path = longest + "x"}),
            "the path is longer than a Unix socket's may be, 107 bytes");
  EXPECT_NE(refusal({.host = {}, .path = longest}),
            "the path is longer than a Unix socket's may be, 107 bytes");
}

TEST_F(SocketRedisNetworkTest, WithoutCertificatesThatCanBeUsedNobodyIsConnectedTo) {
  SilentTlsObserver observer;
  TlsLoop tls(loop_.uv());
  const LoopbackPort port;
  ASSERT_EQ(listen(port.fd(), 1), 0);
  const Address address{.host = "127.0.0.1", .port = port.number(), .path = {}};
  network_.secure(std::make_shared<TlsClient>(tls, observer, nullptr), "redis.test");
  EXPECT_EQ(refusal(address), "its certificates cannot be used");
  EXPECT_FALSE(has_newcomer(port.fd()));
  network_.secure(nullptr, "");
  EXPECT_EQ(refusal(address), "");
}

TEST_F(SocketRedisNetworkTest, ANameIsLookedUp) {
  const auto found = look_up("redis.test");
  ASSERT_TRUE(found);
  EXPECT_THAT(found.value(), ElementsAre("10.0.0.7", "10.0.0.8"));
  const auto unknown = look_up("other.test");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error(), "the name server is away");
}

}  // namespace
}  // namespace zerogate::testing
