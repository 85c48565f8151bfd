// What the buffers of a worker hold, in one account, and who has to wait for memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/base/intrusive_list.h"

namespace zerogate {

/// What holds memory. Label values of memory_budget_bytes.
enum class MemoryUse : uint8_t {
  /// Unfinished frames, a long one with all that it will be, and what waits behind calls under way.
  requests,
  replies,       ///< not read yet
  zmq_requests,  ///< CURVE port: what libzmq has read and the worker has not
  zmq_replies,   ///< CURVE port: what libzmq has not sent yet, and memory kept for it
  forwarded,     ///< requests under way to backends, twice: they are copied when they are written
  backend_replies,  ///< of backends: unfinished frames over TCP, a long one that ZeroMQ hands over
  redis_replies,    ///< of Redis: not whole yet, and memory kept for the next
  connections,      ///< of clients: a measured price for each
};
inline constexpr std::array<std::string_view, 8> kMemoryUseNames = {
    "requests",  "replies",         "zmq_requests",  "zmq_replies",
    "forwarded", "backend_replies", "redis_replies", "connections"};

/// One for each worker; everything that a peer can make grow is charged here. Over the soft mark,
/// half of the limit, long messages wait until there is memory for them: their memory is claimed as
/// a whole before they are read, so that those that have begun can end. Over the limit a
/// MemoryKeeper ends clients. Connections count apart: their number has a limit of its own.
/// Loop thread only.
///
/// Claims wait in queues that do not wait for each other. Backends' replies go first, and up to
/// three quarters of the limit: they answer calls that were taken on, whose callers wait for no
/// longer than the backend's time-out, and while their mark was that of the clients' claims a few
/// clients could keep all of it. Of clients' claims those over kLargeClaim have three quarters of
/// what is below the soft mark, so that shorter messages find the rest. Of each queue one claim may
/// go up to seven eighths of the limit.
class MemoryAccount {
 public:
  /// Where nothing limits the process' memory.
  static constexpr size_t kDefaultLimit = size_t{1} << 30;
  /// The first of a queue gets memory over the limit when it has waited for so long and no claim of
  /// its queue, or of one before it, holds some that would become free.
  static constexpr uint64_t kPatienceMs = 1'000;
  /// What one claim leaves of the limit: see fits().
  static constexpr size_t kHeadroomPart = 8;
  /// A client's claim of more bytes is a large one.
  static constexpr size_t kLargeClaim = 1 << 20;

  /// Something that claims memory before it takes it.
  class Claimant {
   public:
    /// What it has claimed is granted now.
    virtual void on_memory() = 0;

    // Of MemoryAccount alone.
    enum class State : uint8_t { none, waiting, granted };
    State claim_state = State::none;
    MemoryUse claimed_for = MemoryUse::requests;
    size_t claimed_bytes = 0;
    Claimant* claim_prev = nullptr;
    Claimant* claim_next = nullptr;

   protected:
    ~Claimant() = default;
  };

  /// `socket_buffer`: see below.
  explicit MemoryAccount(size_t limit = kDefaultLimit, size_t socket_buffer = 0)
      : limit_(limit), socket_buffer_(socket_buffer) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  size_t limit() const { return limit_; }
  /// Bytes that the kernel may keep of each direction of a connection that is charged here. They
  /// are in no use below. 0: as many as it likes.
  size_t socket_buffer() const { return socket_buffer_; }
  /// How much this use holds now.
  void set(MemoryUse use, size_t bytes) {
    size_t& held = held_[static_cast<size_t>(use)];
    total_ += use == MemoryUse::connections ? 0 : bytes - held;
    held = bytes;
  }
  /// The same for one of several with this use: `mine` is its part of it, and becomes `bytes`.
  void replace(MemoryUse use, size_t& mine, size_t bytes) {
    set(use, held(use) - std::exchange(mine, bytes) + bytes);
  }
  size_t held(MemoryUse use) const { return held_[static_cast<size_t>(use)]; }
  /// All uses but connections.
  size_t total() const { return total_; }
  bool tight() const { return total_ > limit_ / 2; }
  bool over() const { return total_ > limit_; }

  /// Claims `bytes` for something that has claimed nothing. True: they are granted. False: it waits
  /// for on_memory(), behind those that came before.
  bool claim(Claimant& claimant, MemoryUse use, size_t bytes);
  /// Gives back what was granted, or waits no longer.
  void release(Claimant& claimant);
  /// True when a claim waits: serve() is due in a while.
  bool waiting() const {
    return !queues_[kReplies].empty() || !queues_[kLarge].empty() || !queues_[kSmall].empty();
  }
  /// Grants what there is memory for; false: nothing. Not from within on_memory().
  bool serve(uint64_t now_ms);

 private:
  enum QueueName : uint8_t { kReplies, kLarge, kSmall };  // in the order in which they are served
  struct Queue {
    bool empty() const { return waiting.empty(); }

    IntrusiveList<Claimant, &Claimant::claim_prev, &Claimant::claim_next> waiting;
    size_t granted = 0;           ///< claims
    size_t bytes = 0;             ///< of these
    uint64_t first_since_ms = 0;  ///< since when the first one is the first; 0: not known
  };
  static QueueName name_of(const Claimant& claimant) {
    if (claimant.claimed_for == MemoryUse::backend_replies) {
      return kReplies;
    }
    return claimant.claimed_bytes > kLargeClaim ? kLarge : kSmall;
  }
  bool fits(QueueName name, size_t bytes) const;
  void grant(Claimant& claimant);
  /// `granted_before`: claims of the queues before it.
  bool serve(QueueName name, size_t granted_before, uint64_t now_ms);
  void add(MemoryUse use, size_t bytes) { set(use, held(use) + bytes); }

  size_t limit_;
  size_t socket_buffer_;
  size_t total_ = 0;
  std::array<size_t, kMemoryUseNames.size()> held_{};
  std::array<Queue, 3> queues_;
  /// The first large one has waited long, although no other large one is in its way.
  bool large_is_due_ = false;
};

}  // namespace zerogate
