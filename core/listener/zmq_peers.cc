#include "core/listener/zmq_peers.h"

#include <algorithm>

#include "core/base/word.h"

namespace zerogate {

namespace {

/// Peers looked at for one newcomer's sake. More than one, so that a crowd with calls under way is
/// passed by and the peers that it held up are forgotten faster than new ones come.
constexpr int kLooksPerNewcomer = 8;

}  // namespace

CallerKey ZmqPeers::touch(ByteView identity) {
  const uint32_t slot = find_or_make(identity);
  Peer& peer = peers_[slot];
  if (by_age_.front() != slot) {
    by_age_.splice(by_age_.begin(), by_age_, peer.age);
  }
  return {slot, peer.generation};
}

// libzmq numbers its peers in the identity's last bytes, so that up to 256 who speak at once each
// have a place in recent_: one comparison instead of a hash.
uint32_t ZmqPeers::find_or_make(ByteView identity) {
  if (identity.empty()) {
    return make(identity);  // libzmq gives no peer such a one
  }
  uint32_t& recent = recent_[static_cast<unsigned char>(identity.back())];
  if (recent < peers_.size() && are_same(peers_[recent].identity, identity)) {
    return recent;
  }
  const auto found = by_identity_.find(identity);
  recent = found == by_identity_.end() ? make(identity) : found->second;
  return recent;
}

// A peer with a call under way counts as one that has just spoken. If it kept its place at the end
// of the row instead, one call that takes long would keep all peers behind it from being forgotten.
void ZmqPeers::make_room() {
  for (int looks = kLooksPerNewcomer; looks > 0; --looks) {
    if (by_identity_.size() < capacity_ || by_age_.empty()) {
      return;
    }
    const uint32_t oldest = by_age_.back();
    if (peers_[oldest].in_flight == 0) {
      erase(oldest);
    } else {
      by_age_.splice(by_age_.begin(), by_age_, peers_[oldest].age);
    }
  }
}

uint32_t ZmqPeers::make(ByteView identity) {
  make_room();
  uint32_t slot = static_cast<uint32_t>(peers_.size());
  if (free_.empty()) {
    peers_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Peer& peer = peers_[slot];
  peer.identity.assign(identity);
  by_age_.push_front(slot);
  peer.age = by_age_.begin();
  by_identity_.emplace(peer.identity, slot);
  return slot;
}

ZmqPeers::Peer* ZmqPeers::find(CallerKey key) {
  Peer& peer = peers_[key.slot];
  return peer.generation == key.generation ? &peer : nullptr;
}

void ZmqPeers::forget(CallerKey key) {
  if (find(key) != nullptr) {
    erase(key.slot);
  }
}

void ZmqPeers::list_clients(ClientList& list, uint64_t now_ms) {
  std::vector<ClientRank<Peer*>> ranks;
  for (const uint32_t slot : by_age_) {
    Peer& peer = peers_[slot];
    const uint64_t unsent = peer.unsent != nullptr ? peer.unsent->load() : 0;
    ranks.push_back({peer.activity.rate(now_ms), unsent, peer.activity.calls(), &peer});
  }
  keep_busiest(ranks, list.left_out);
  for (const auto& rank : ranks) {
    const Peer& peer = *rank.key;
    const uint64_t last_ms = std::max(peer.last_sent_ms, peer.activity.since_ms());
    list.clients.push_back({.rate = rank.rate,
                            .unsent_bytes = rank.unsent_bytes,
                            .calls = rank.calls,
                            .peer = peer.address,
                            .protocol = Protocol::zmq,
                            .wire = peer.activity.wire(),
                            .identity = peer.identity,
                            .label = peer.activity.function(),
                            .function = {},
                            .in_flight = peer.in_flight,
                            .age_ms = now_ms - peer.activity.since_ms(),
                            .quiet_ms = now_ms - last_ms});
  }
}

void ZmqPeers::erase(uint32_t slot) {
  Peer& peer = peers_[slot];
  by_identity_.erase(peer.identity);
  by_age_.erase(peer.age);
  peer.identity.clear();
  peer.address.clear();
  peer.judged = 0;
  used_ -= std::exchange(peer.used, false) ? 1 : 0;
  peer.unsent.reset();
  peer.uncounted = 0;
  peer.socket = {};
  peer.traffic.reset();
  peer.in_flight = 0;
  peer.last_sent_ms = 0;
  ++peer.generation;
  free_.push_back(slot);
}

}  // namespace zerogate
