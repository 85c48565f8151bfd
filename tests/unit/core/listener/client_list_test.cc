#include "core/listener/client_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/listener/zmq_peers.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;

TEST(ClientActivityTest, ARateIsOfTheTimeSinceItWasLastAsked) {
  ClientActivity activity;
  activity.begin(10'000);
  for (int i = 0; i < 30; ++i) {
    activity.note(Wire::t3, 7);
  }
  EXPECT_EQ(activity.rate(10'999), 0) << "too short a time says nothing";
  EXPECT_EQ(activity.rate(13'000), 10);
  EXPECT_EQ(activity.rate(13'500), 10) << "another who asks does not disturb";
  activity.note(Wire::t1, 8);
  EXPECT_EQ(activity.rate(15'000), 0.5);
  EXPECT_EQ(activity.rate(16'000), 0);
  EXPECT_EQ(activity.calls(), 31u);
  EXPECT_EQ(activity.wire(), Wire::t1);
  EXPECT_EQ(activity.function(), 8u);
  activity.begin(20'000);
  EXPECT_EQ(activity.calls(), 0u);
}

TEST(ClientListTest, TheBusiestAreKeptAndTheOthersCounted) {
  std::vector<ClientRank<int>> ranks;
  for (int i = 0; i < 300; ++i) {
    ranks.push_back({.rate = static_cast<double>(i), .unsent_bytes = 0, .calls = 0, .key = i});
  }
  uint64_t left_out = 5;
  keep_busiest(ranks, left_out);
  ASSERT_EQ(ranks.size(), ClientList::kMost);
  EXPECT_EQ(left_out, 105u);
  EXPECT_EQ(ranks.front().key, 299);
  EXPECT_EQ(ranks.back().key, 100);
}

TEST(ClientListTest, OfEquallyBusyOnesThoseWhoDoNotReadComeFirst) {
  std::vector<ClientRank<int>> ranks = {{1, 0, 5, 0}, {1, 0, 9, 1}, {1, 3, 0, 2}, {2, 0, 0, 3}};
  uint64_t left_out = 0;
  keep_busiest(ranks, left_out);
  std::vector<int> order;
  for (const auto& rank : ranks) {
    order.push_back(rank.key);
  }
  EXPECT_THAT(order, ElementsAre(3, 2, 1, 0));
  EXPECT_EQ(left_out, 0u);
}

TEST(ClientListTest, OfZeroMqPeersThereIsIdentityAndSilence) {
  ZmqPeers peers(10);
  const CallerKey key = peers.touch("first");
  ZmqPeers::Peer& peer = *peers.find(key);
  peer.address = "10.0.0.7";
  peer.activity.begin(1'000);
  peer.activity.note(Wire::w5, 3);
  peer.in_flight = 2;
  peer.last_sent_ms = 4'000;
  peer.unsent = std::make_shared<std::atomic<size_t>>(77);
  ClientList list;
  peers.list_clients(list, 9'000);
  ASSERT_EQ(list.clients.size(), 1u);
  const ClientInfo& client = list.clients.front();
  EXPECT_EQ(client.identity, "first");
  EXPECT_EQ(client.peer, "10.0.0.7");
  EXPECT_EQ(client.protocol, Protocol::zmq);
  EXPECT_EQ(client.wire, Wire::w5);
  EXPECT_EQ(client.label, 3u);
  EXPECT_EQ(client.calls, 1u);
  EXPECT_EQ(client.in_flight, 2u);
  EXPECT_EQ(client.unsent_bytes, 77u);
  EXPECT_EQ(client.age_ms, 8'000u);
  EXPECT_EQ(client.quiet_ms, 5'000u);
}

}  // namespace
}  // namespace zerogate::testing
