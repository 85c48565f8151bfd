// One endpoint and its connections: when it tries again to reach its server.
#include "core/bridge/endpoint.h"

#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

class EndpointBackoffTest : public BackendTest {
 protected:
  /// The connection breaks; true when another is tried after the shortest backoff.
  bool is_tried_soon_after_it_breaks() {
    const int made = network_.made;
    network_.kill(name(1));
    pass_ms(2 * Endpoint::kBackoffMinMs);
    return network_.made > made;
  }
  /// The next connection is tried and up.
  void come_up() {
    for (uint32_t ms = 0; network_.to(name(1)).empty(); ++ms) {
      ASSERT_LT(ms, 2 * Endpoint::kBackoffMaxMs);
      pass_ms(1);
    }
    network_.serve(name(1));
    ASSERT_TRUE(network_.to(name(1)).back()->up());
  }
};

// One that is full, or a proxy with no server behind it.
TEST_F(EndpointBackoffTest, AServerThatEndsEachConnectionAfterConnectIsTriedWithBackoff) {
  make(1);
  for (int ms = 0; ms < 10'000; ++ms) {
    network_.serve(name(1));
    network_.kill(name(1));
    pass_ms(1);
  }
  EXPECT_LT(network_.made, 25);
  EXPECT_GT(network_.made, 8);
  come_up();
  EXPECT_FALSE(is_tried_soon_after_it_breaks());
}

TEST_F(EndpointBackoffTest, AConnectionThatHasAnsweredACallOrLivedForAWhileEndsTheBackoff) {
  make(1);
  const auto flap = [&] {
    for (int i = 0; i < 10; ++i) {
      come_up();
      network_.kill(name(1));
      pass_ms(1);
    }
    come_up();
  };
  flap();
  call();
  network_.to(name(1)).back()->answer();
  EXPECT_TRUE(is_tried_soon_after_it_breaks());
  flap();
  pass_ms(BackendConnection::kProvenMs);
  EXPECT_TRUE(is_tried_soon_after_it_breaks());
}

}  // namespace
}  // namespace zerogate::testing
