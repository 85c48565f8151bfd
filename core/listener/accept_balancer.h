// Spreads the new connections of one port, or of one Unix socket, over several workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/unique_fd.h"

namespace zerogate {

/// Sockets that share a port (SO_REUSEPORT) get new connections by a hash of the client's address.
/// A pool of 8 connections may well be split 7 to 1, and stays so for its whole life. This class
/// tells the kernel which sockets have the fewest connections, and the kernel gives the next one to
/// one of them (SO_ATTACH_REUSEPORT_CBPF, Linux 4.6: the filter's result is an index into the
/// group; no privilege is needed). It works for sockets on which libzmq accepts, too. If the kernel
/// refuses the filter, its hash stays in force.
///
/// In a burst connections come faster than the filter can be replaced, and a filter that lasts too
/// long turns the balance over. So two things decide: the difference, and how many connections are
/// expected until the filter is replaced. Slow connections: from a difference of two on only the
/// least loaded sockets get them. In a burst the least loaded sockets get as large a share as would
/// make the difference up by then, and any socket gets the rest. Next to no difference: any socket.
///
/// Workers that accept on one Unix socket have no such group, and the first that wakes gets the
/// connection: there the inboxes alone keep the balance. Any thread.
class AcceptBalancer {
 public:
  /// A worker that takes no more connections tells this many.
  static constexpr uint64_t kFull = uint64_t{1} << 40;

  using Clock = std::chrono::steady_clock;

  /// The sockets of one group, a worker's each, in the order in which they began to listen, since
  /// the kernel's index counts that way. None may leave the group. Not owned; they outlive this.
  explicit AcceptBalancer(std::vector<int> listening_fds,
                          std::function<Clock::time_point()> now = &Clock::now);
  /// Of `workers` that accept on one socket.
  explicit AcceptBalancer(size_t workers);

  /// The worker of this socket has `connections` now. Connections that the kernel holds ready for
  /// it are looked up here and must not be included. False: tell it again in a millisecond, for the
  /// kernel was told too much to take it now, or a burst is on that will soon be over.
  bool update(size_t index, uint64_t connections);

  /// A listener that accepts by itself (all but libzmq's) can pass on connections that the
  /// kernel gave it against the balance, because in a burst the filter comes too late. This
  /// socket's worker may have `most` connections, with those that wait for it here. `wake` is
  /// called, from any thread, when a connection was passed on to it.
  void open_inbox(size_t index, uint64_t most, std::function<void()> wake);
  /// Returns the connections that were passed on and not taken. `wake` is not called after this.
  std::vector<UniqueFd> close_inbox(size_t index);
  /// `index` has accepted `connection`: it is passed on to the socket that is to have it. Mostly
  /// that is `index` itself. Then the connection stays the caller's, and counts as its own until it
  /// tells by update(). False: all are full.
  bool place(size_t index, UniqueFd& connection);
  /// One of the connections that others have passed on to `index`, and counted as its own from here
  /// on, until it tells by update(); none when there are no more.
  UniqueFd take(size_t index);

 private:
  /// What the kernel chooses from: this share from the lowest, and the rest from all.
  struct Choice {
    std::vector<uint32_t> lowest;  ///< empty: its hash
    uint32_t eighths = 0;
    bool operator==(const Choice&) const = default;
  };
  /// The filter's jumps reach that far. Larger groups are left to the kernel's hash.
  static constexpr size_t kMaxSockets = 64;
  /// A difference below this share of a socket's connections counts as none; a few connections are
  /// counted exactly.
  static constexpr uint64_t kSlackShare = 8;
  /// Replacing the filter costs some 10 us: it is done this often at once, then once per
  /// millisecond.
  static constexpr int64_t kBurst = 64;

  struct Inbox {
    std::function<void()> wake;  ///< null: closed
    uint64_t most = kFull;       ///< connections that its worker may have
    std::vector<UniqueFd> waiting;
  };
  /// kFull at the limit.
  uint64_t held(size_t index) const;
  bool choose();
  void expect(uint64_t total);
  Choice choice_of(const std::vector<uint64_t>& loads, uint64_t total) const;
  bool may_attach();
  bool attach(const Choice& choice) const;

  std::mutex mutex_;
  const std::function<Clock::time_point()> now_;
  const std::vector<int> fds_;  ///< empty: all accept on one
  std::vector<uint64_t> connections_;
  std::vector<Inbox> inboxes_;
  Choice choice_;
  double expected_ = 1;          ///< connections until the filter is replaced
  Clock::time_point looked_;     ///< when that was found out
  uint64_t last_total_ = 0;      ///< connections at that time
  Clock::time_point last_came_;  ///< when there last were more than before
  int64_t tokens_ = kBurst;
  Clock::time_point refilled_;
};

/// A worker's place among those that listen on an address. One that listens alone has no balancer.
struct AcceptMember {
  std::shared_ptr<AcceptBalancer> balancer;
  size_t index = 0;

  /// False: tell it again in a millisecond; see AcceptBalancer::update().
  [[nodiscard]] bool tell(uint64_t connections) const {
    return balancer == nullptr || balancer->update(index, connections);
  }
};

}  // namespace zerogate
