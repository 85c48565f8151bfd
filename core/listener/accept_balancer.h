// Spreads the new connections of one port over the listening sockets of several workers.
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

/// Sockets that share a port (SO_REUSEPORT) get newcomers by a hash of their address: a pool of 8
/// connections may well end 7 to 1, and stays so for as long as it lives. Here the kernel is told
/// which sockets have the fewest (SO_ATTACH_REUSEPORT_CBPF, Linux 4.6: the filter's result is an
/// index into the group; no privilege is needed), and hands the next connection to one of them. It
/// works for sockets that libzmq accepts on, too. What the kernel refuses leaves its hash in force.
///
/// A burst comes faster than anybody can tell of it, and would all go where the first one went. So
/// chance has its share while the difference is small, and the whole of it while there is none to
/// speak of. Any thread.
class AcceptBalancer {
 public:
  /// A worker that takes no more connections tells this many.
  static constexpr uint64_t kFull = uint64_t{1} << 40;

  /// Sockets of one group, in the order in which they began to listen, none of which leaves the
  /// group: the kernel counts that way. Not owned; they outlive this.
  explicit AcceptBalancer(std::vector<int> listening_fds);

  /// The worker of this socket has so many connections now. Those that the kernel holds ready for
  /// it are looked up and must not be counted.
  /// False when the kernel's choice should be another one and cannot be changed just now: it was
  /// changed too often lately. Then call it again in a millisecond.
  bool update(size_t index, uint64_t connections);

  /// Whoever accepts by itself, as we do for raw TCP and libzmq does not, can pass on what the
  /// kernel gave it against the balance: in a burst nobody can tell the kernel in time.
  /// `wake` is called, from any thread, when something was passed on to this socket's worker.
  void open_inbox(size_t index, std::function<void()> wake);
  /// What nobody has taken is closed. `wake` is not called any more once this returns.
  void close_inbox(size_t index);
  /// Who should have the connection that `index` is about to accept; mostly itself.
  size_t taker(size_t index);
  /// False when the other one takes none any more: then `connection` is still the caller's.
  bool pass_on(size_t to, UniqueFd& connection);
  /// What others have passed on to `index`.
  std::vector<UniqueFd> take(size_t index);

 private:
  using Clock = std::chrono::steady_clock;
  /// What the kernel chooses from.
  struct Choice {
    std::vector<uint32_t> lowest;  ///< empty: its hash
    bool only_lowest = false;      ///< else any of all, every other time
    bool operator==(const Choice&) const = default;
  };
  /// The filter's jumps reach that far. Larger groups are left to the kernel's hash.
  static constexpr size_t kMaxSockets = 64;
  /// A difference of one in so many of a socket's share is none to speak of; a few connections are
  /// counted exactly.
  static constexpr uint64_t kSlackShare = 8;
  /// To replace the filter costs some 10 us: so many times at once, and then once per millisecond.
  static constexpr int64_t kBurst = 64;

  struct Inbox {
    std::function<void()> wake;  ///< null: closed
    std::vector<UniqueFd> waiting;
  };
  uint64_t held(size_t index) const { return connections_[index] + inboxes_[index].waiting.size(); }
  bool choose();
  bool may_attach();
  bool attach(const Choice& choice) const;

  std::mutex mutex_;
  const std::vector<int> fds_;
  std::vector<uint64_t> connections_;
  std::vector<Inbox> inboxes_;
  Choice choice_;
  int64_t tokens_ = kBurst;
  Clock::time_point refilled_ = Clock::now();
};

/// A listening socket's place in its group; nobody's when it stands alone.
struct ReuseportMember {
  std::shared_ptr<AcceptBalancer> balancer;
  size_t index = 0;

  /// False: tell it again in a millisecond; see AcceptBalancer::update().
  [[nodiscard]] bool tell(uint64_t connections) const {
    return balancer == nullptr || balancer->update(index, connections);
  }
};

}  // namespace zerogate
