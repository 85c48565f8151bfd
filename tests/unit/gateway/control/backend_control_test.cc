// How several event loops' views of an endpoint become one.
#include "gateway/control/backend_control.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(BackendControlTest, TheBestViewIsToldWithTheWorstOnesReason) {
  const EndpointStatus up{EndpointState::up, "", 5};
  const EndpointStatus ejected{EndpointState::ejected, "it failed", 9};
  EXPECT_EQ(best_of({up, up}).reason, "");
  const EndpointStatus best = best_of({ejected, up});
  EXPECT_EQ(best.state, EndpointState::up);
  EXPECT_EQ(best.since_ns, 5u);
  EXPECT_EQ(best.reason, "1 of 2 event loops see it differently: ejected: it failed");
}

TEST(BackendControlTest, WhatWasDoneByHandGoesBeforeAll) {
  const EndpointStatus up{EndpointState::up, "", 5};
  const EndpointStatus drain{EndpointState::drain, "drained by hand", 9};
  const EndpointStatus best = best_of({up, drain});
  EXPECT_EQ(best.state, EndpointState::drain);
  EXPECT_EQ(best.reason, "drained by hand");
}

}  // namespace
}  // namespace zerogate
