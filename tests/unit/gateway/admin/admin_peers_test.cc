#include "gateway/admin/admin_peers.h"

#include <gtest/gtest.h>

#include <vector>

namespace zerogate {
namespace {

using Turn = AdminPeers::Turn;

/// The place in the list of the one that goes.
size_t loser_of(const std::vector<Turn>& turns) {
  std::vector<AdminPeers::Peer> each(turns.size());
  AdminPeers peers;
  for (size_t i = 0; i < turns.size(); ++i) {
    each[i].turn = turns[i];
    peers.add(each[i]);
  }
  return static_cast<size_t>(&peers.loser() - each.data());
}

TEST(AdminPeers, WhoHasNotAskedGoesFirst) {
  EXPECT_EQ(loser_of({Turn::reads, Turn::waits, Turn::asks, Turn::asks}), 2U);
  EXPECT_EQ(loser_of({Turn::asks, Turn::asks, Turn::asks, Turn::asks}), 0U);
}

TEST(AdminPeers, ANewcomerIsNoLoserWhoeverHasAskedBefore) {
  EXPECT_EQ(loser_of({Turn::reads, Turn::reads, Turn::reads, Turn::asks}), 0U);
  EXPECT_EQ(loser_of({Turn::waits, Turn::waits, Turn::reads, Turn::asks}), 2U);
  EXPECT_EQ(loser_of({Turn::waits, Turn::waits, Turn::waits, Turn::asks}), 0U);
}

}  // namespace
}  // namespace zerogate
