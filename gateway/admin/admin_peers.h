// Who has a connection to the admin port, and who gives way to newcomers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/intrusive_list.h"

namespace zerogate {

/// The connections that were not told to go, in the order in which they came. It does not own
/// them. One thread.
class AdminPeers {
 public:
  enum class Turn : uint8_t {
    asks,   ///< its request has not come as a whole, with its body
    waits,  ///< for its answer
    reads,
  };
  struct Peer {
    int fd = -1;  ///< -1: it was told to go
    Turn turn = Turn::asks;
    Peer* prev = nullptr;
    Peer* next = nullptr;
  };

  size_t size() const { return peers_.size(); }
  void add(Peer& peer) { peers_.push_back(peer); }
  void remove(Peer& peer) { peers_.remove(peer); }

  /// Who gives way to the newcomer, which was added last: of those who have not asked, or else of
  /// those who have not read their answer, the one that came first. Who waits goes last: its place
  /// is free only when its answer is there.
  Peer& loser() const {
    for (const Turn turn : {Turn::asks, Turn::reads}) {
      for (Peer* peer = peers_.front(); peer != peers_.back(); peer = peer->next) {
        if (peer->turn == turn) {
          return *peer;
        }
      }
    }
    return *peers_.front();
  }

 private:
  IntrusiveList<Peer, &Peer::prev, &Peer::next> peers_;
};

}  // namespace zerogate
