// The peers of the CURVE port that have spoken lately.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/listener/client_list.h"
#include "core/listener/keep_alive_window.h"
#include "core/listener/peer_socket.h"
#include "core/listener/zmq_connections.h"
#include "core/rpc/return_path.h"

namespace zerogate {

/// Bytes of replies that libzmq has not sent yet; its I/O thread counts them down.
using UnsentBytes = std::shared_ptr<std::atomic<size_t>>;

/// A ROUTER never says that a peer has gone, so this is a cache: an identity gets a slot when it
/// speaks, and when there are too many, the peer that has been silent for longest loses its slot. A
/// forgotten peer that speaks again gets a new one. Loop thread only.
class ZmqPeers {
 public:
  struct Peer {
    std::string identity;  ///< 5 bytes, made by libzmq
    std::string address;   ///< for the log; of the connection on which it first spoke
    Caller caller;         ///< known with the address
    std::string user;      ///< CURVE: its User-Id
    uint64_t judged = 0;   ///< CURVE: the version of CurveClients by which it may call, or may not
    bool may_call = false;
    uint32_t generation = 0;
    uint32_t in_flight = 0;
    uint64_t last_call_ms = 0;   ///< see ZmqOptions::keep_alive_for_ms
    uint64_t last_sent_ms = 0;   ///< when it was last sent anything
    UnsentBytes unsent;          ///< null until replies to it were counted
    bool used = false;           ///< see mark_used()
    size_t uncounted = 0;        ///< bytes of replies that no counter has yet
    PeerSocket socket;           ///< of the connection on which it first spoke
    uint64_t read_at_check = 0;  ///< bytes: see ZmqListener::end_slow_readers()
    uint32_t slow_checks = 0;    ///< since it last read fast enough
    KeepAliveWindow window{};
    std::shared_ptr<ZmqTraffic> traffic;  ///< of the same; null before its first message
    ClientActivity activity;              ///< begun by the listener, at its first message
    std::list<uint32_t>::iterator age;
  };

  /// Peers with calls under way are never forgotten, so there can be `capacity` plus the calls in
  /// flight, and a few more.
  explicit ZmqPeers(size_t capacity) : capacity_(capacity) {}

  /// The peer with this identity, made if need be, now the most recent one.
  CallerKey touch(ByteView identity);
  /// Null when it has been forgotten.
  Peer* find(CallerKey key);
  const Peer* find(CallerKey key) const { return const_cast<ZmqPeers*>(this)->find(key); }
  /// Forgets a peer that has turned out to be gone.
  void forget(CallerKey key);
  size_t size() const { return by_identity_.size(); }
  /// It has made many calls: see ZmqOptions::kUsedConnectionBytes.
  void mark_used(Peer& peer) { used_ += std::exchange(peer.used, true) ? 0 : 1; }
  size_t used() const { return used_; }
  /// See Listener.
  void list_clients(ClientList& list, uint64_t now_ms);
  /// Calls `visit(peer, key)` for every peer; it may forget that one.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto slot = by_age_.begin(); slot != by_age_.end();) {
      Peer& peer = peers_[*slot];
      const CallerKey key{*slot++, peer.generation};
      visit(peer, key);
    }
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  uint32_t find_or_make(ByteView identity);
  uint32_t make(ByteView identity);
  void make_room();
  void erase(uint32_t slot);

  const size_t capacity_;
  size_t used_ = 0;
  std::vector<Peer> peers_;             ///< a forgotten one has no identity
  std::array<uint32_t, 256> recent_{};  ///< slots by the identity's last byte: a cache
  std::vector<uint32_t> free_;
  std::list<uint32_t> by_age_;  ///< slots, the most recent first
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> by_identity_;
};

}  // namespace zerogate
