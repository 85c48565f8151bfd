// One connection to an endpoint, whatever protocol it speaks.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/bridge/forwarded_call.h"

namespace zerogate {

/// Connects, asks the peer for `connect` to see that somebody serves there (a stopped process'
/// kernel accepts connections too), and then carries forwarded calls. Every one has a slot, and the
/// id on the wire is slot and generation: a late answer, or one that comes twice, finds its slot's
/// generation gone and never reaches another caller. A connection does not come back: Endpoint
/// makes a new one. Loop thread only.
class BackendConnection {
 public:
  /// Called from the loop, from flush() or from fail(); on_down() once, as the last. The owner must
  /// not destroy the connection in them (see Endpoint's graveyard).
  class Owner {
   public:
    virtual void on_up(BackendConnection& connection) = 0;
    /// `body` is one whole MessagePack value, valid during the call.
    virtual void on_reply(BackendConnection& connection, ForwardedCall& forwarded,
                          ByteView body) = 0;
    /// A reply to an forwarded that was given up: its slot is free again.
    virtual void on_late_reply(BackendConnection& connection) = 0;
    virtual void on_down(BackendConnection& connection, std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  virtual ~BackendConnection() = default;
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;

  /// True once `connect` was answered, until on_down().
  bool up() const { return state_ == State::up; }
  /// Requests under way, given-up ones included: the peer still works on them.
  uint32_t load() const { return load_; }

  /// Sends a request; it leaves with the turn's flush. Only when up().
  virtual void send(ForwardedCall& forwarded) = 0;
  /// True unless it is certain that no byte of the request has left.
  virtual bool was_written(const ForwardedCall& forwarded) const = 0;
  /// Writes what was gathered in this turn.
  virtual void flush() = 0;
  /// Ends the connection: on_down() follows before this returns.
  virtual void fail(std::string_view reason) = 0;

  /// The forwarded's call was answered otherwise. Its slot stays taken until the peer has answered:
  /// it is busy with it.
  void give_up(ForwardedCall& forwarded, uint64_t now_ms);
  /// Since when the oldest given-up request blocks its slot; 0 when there is none.
  uint64_t oldest_given_up_ms() const;
  /// Frees the slots of requests given up until then; returns how many. Their answers, should they
  /// still come, are ignored.
  uint32_t forget_given_up(uint64_t until_ms);
  /// Requests under way that somebody waits for.
  uint32_t live() const { return load_ - given_up_; }
  /// The forwarded calls under way; they are the connection's no longer.
  std::vector<ForwardedCall*> take_all();

 protected:
  explicit BackendConnection(Owner& owner) : owner_(owner) {}

  /// The wire id of a slot: 12 bits of slot, 20 of generation.
  static constexpr uint32_t kSlotBits = 12;
  static constexpr uint32_t kMaxSlots = 1U << kSlotBits;

  uint32_t take_slot(ForwardedCall& forwarded);
  /// Hands a reply to the slot it belongs to; ids that are not under way are ignored.
  void complete(uint32_t id, ByteView body);
  void release(uint32_t index);
  void came_up();
  void went_down(std::string_view reason);
  bool down() const { return state_ == State::down; }

 private:
  enum class State : uint8_t { connecting, up, down };
  struct Slot {
    ForwardedCall* forwarded = nullptr;  ///< null when free or given up
    uint32_t generation = 1;             ///< never 0: an id of zeros is nobody's
    uint64_t given_up_ms = 0;            ///< 0 unless given up
    bool taken = false;
  };

  Owner& owner_;
  State state_ = State::connecting;
  uint32_t load_ = 0;
  uint32_t given_up_ = 0;  ///< of these
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

/// The id of the `connect` that opens a connection: no slot's, for those are below kMaxSlots - 1.
inline constexpr uint32_t kProbeId = UINT32_MAX;

}  // namespace zerogate
