// What a stream's TLS keeps between reads and writes. No handshake: OpenSSL is asked nothing here.
#include "core/io/tls_layer.h"

#include <gtest/gtest.h>

#include <string>

#include "core/io/event_loop.h"
#include "tests/unit/core/io/silent_tls_observer.h"
#include "tests/unit/core/security/authority.h"

namespace zerogate {
namespace {

struct IdleTlsWaiter final : TlsLoop::Waiter {
  void on_turn() override {}
};

class TlsLayerTest : public ::testing::Test {
 protected:
  /// The memory of a read, which another stream has afterwards.
  void feed(std::string bytes) {
    layer_.feed(bytes);
    layer_.hold();
    bytes.assign(bytes.size(), '?');
  }

  const Authority authority_;
  EventLoop loop_;
  TlsLoop tls_{loop_.uv()};
  testing::SilentTlsObserver observer_;
  IdleTlsWaiter waiter_;
  TlsLayer layer_{{make_context(TlsSide::listener, authority_.material({})), tls_, observer_},
                  waiter_};
};

TEST_F(TlsLayerTest, WhatOpenSslHasNotTakenIsHeldInTheOrderInWhichItCame) {
  feed("one ");
  EXPECT_TRUE(layer_.has_pending());
  feed("two ");
  feed(std::string(10'000, 'x'));
  layer_.hold();
  EXPECT_EQ(layer_.session().unread(), "one two " + std::string(10'000, 'x'));
}

// Between a flush's begin and its end a stream has the memory that all streams share.
TEST_F(TlsLayerTest, TheMemoryOfWhatIsSentIsLent) {
  OutBuffer plain;
  tls_.spare().append(std::string(1'000, 'x'));
  tls_.spare().clear();
  const char* const lent = tls_.spare().data();
  EXPECT_TRUE(layer_.seal(plain));
  EXPECT_EQ(layer_.sealed().data(), lent);
  EXPECT_EQ(tls_.spare().capacity(), 0u);
  layer_.sealed().append("bytes");
  layer_.sent();
  EXPECT_EQ(layer_.sealed().capacity(), 0u);
  EXPECT_EQ(tls_.spare().data(), lent);
  EXPECT_TRUE(tls_.spare().empty());
}

TEST_F(TlsLayerTest, TheMemoryOfALargeReplyIsLetGo) {
  layer_.sealed().append(std::string(1 << 20, 'x'));
  layer_.sent();
  EXPECT_EQ(layer_.sealed().capacity() + tls_.spare().capacity(), 0u);
}

// Else so many would soon seem to be under way that no newcomer is let in.
TEST_F(TlsLayerTest, AHandshakeIsUnderWayUntilItsStreamHasGoneAndOnlyOfAListener) {
  for (const TlsSide side : {TlsSide::listener, TlsSide::backend}) {
    IdleTlsWaiter waiter;
    TlsLayer layer({make_context(side, authority_.material({})), tls_, observer_}, waiter);
    layer.begin();
    EXPECT_TRUE(layer.shaking());
    EXPECT_EQ(tls_.unfinished(), side == TlsSide::listener ? 1u : 0u);
  }
  EXPECT_EQ(tls_.unfinished(), 0u);
}

TEST_F(TlsLayerTest, AStreamThatHasGoneHasNoTurnAnyMore) {
  IdleTlsWaiter waiter;
  {
    TlsLayer layer({make_context(TlsSide::listener, authority_.material({})), tls_, observer_},
                   waiter);
    layer.come_back();
    ASSERT_TRUE(waiter.waits);
  }
  EXPECT_FALSE(waiter.waits);
}

TEST_F(TlsLayerTest, WhatIsToBeSentWaitsForTheHandshake) {
  OutBuffer plain;
  plain.append("early");
  EXPECT_TRUE(layer_.seal(plain));
  EXPECT_EQ(plain.view(), "early");
  EXPECT_TRUE(layer_.sealed().empty());
}

}  // namespace
}  // namespace zerogate
