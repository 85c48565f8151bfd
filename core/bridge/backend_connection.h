// One connection to an endpoint, over either protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/slot_map.h"
#include "core/bridge/connection_work.h"
#include "core/bridge/forwarded_call.h"
#include "core/io/tcp_stream.h"
#include "core/io/timer.h"

namespace zerogate {

class RequestShare;
class TlsClient;

struct BackendConnectionOptions {
  size_t max_message = 16 << 20;        ///< bytes of one reply; a longer one costs its call
  uint32_t connect_timeout_ms = 1'000;  ///< until `connect` is answered
  /// FrameReader::kSharedBytes, shared by all connections of the loop and owned by the Bridge.
  char* read_buffer = nullptr;
  // Of all connections of the loop; owned by the Bridge or above it. Null in tests.
  ReadTurns* turns = nullptr;
  MemoryAccount* memory = nullptr;
  TcpStream::Totals* in = nullptr;
  RequestShare* requests = nullptr;  ///< the backend's: calls that are given up count on
  std::string backend{};             ///< its name, for errors
  /// What `connect` carries, so that a gateway recognises itself; see ConnectService.
  std::string identity;
  std::string curve_server_key{};  ///< ZeroMQ with CURVE: the server's public key; empty: without
  std::string curve_secret_key{};  ///< and our own secret one
  /// A peer that does not acknowledge, or does not take, what it was sent for so long is gone: the
  /// calls' time-out, so that a host that vanishes costs no call much later than the first.
  uint32_t peer_timeout_ms = 5'000;
  std::shared_ptr<TlsClient> tls{};  ///< null: none
  std::string tls_name{};            ///< see TlsSession
};

/// Connects, calls `connect` to see that the peer speaks Zero, and then carries forwarded calls.
/// Without `connect` it could not be sure: the kernel of a stopped process accepts connections too,
/// and another program may have the address by now. Each call has a slot, and the id on the wire is
/// the slot and its generation: a late or repeated answer finds another generation and never
/// reaches another caller. A reply that cannot be used (too large, too deep, no MessagePack) is an
/// error for its own call only; a fault that loses the place in the stream ends the connection. A
/// connection does not reconnect: Endpoint makes a new one. Loop thread only.
class BackendConnection {
 public:
  /// Called from the loop, from flush() or from fail(); on_down() once, as the last. The owner must
  /// not destroy the connection in them (see Endpoint's graveyard).
  class Owner {
   public:
    virtual void on_up(BackendConnection& connection) = 0;
    /// `body` is valid during the call: one whole MessagePack value, or whatever the server has
    /// sent when both it and the caller speak ZeroMQ (see Call::takes_any_bytes).
    virtual void on_reply(BackendConnection& connection, ForwardedCall& forwarded,
                          ByteView body) = 0;
    /// A reply to a call that was given up: its slot is free again.
    virtual void on_late_reply(BackendConnection& connection) = 0;
    virtual void on_down(BackendConnection& connection, std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  virtual ~BackendConnection();
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;

  /// True once `connect` was answered, until on_down().
  bool up() const { return state_ == State::up; }
  /// Requests under way, given-up ones included: the peer still works on them.
  uint32_t load() const { return slots_.size(); }

  /// Sends a request; it leaves with the turn's flush. Only when up(), and with a load() below
  /// BackendOptions::kMaxInFlight.
  virtual void send(ForwardedCall& forwarded) = 0;
  /// True unless it is certain that no byte of the request has left this process: what was handed
  /// to the kernel, to libuv or to libzmq may have.
  virtual bool was_written(const ForwardedCall& forwarded) const = 0;
  /// Writes what was gathered in this turn.
  virtual void flush() = 0;
  /// False: what it was sent lies unread before it, and no system ends the connection for that.
  virtual bool peer_reads() const { return true; }
  /// Ends the connection: on_down() follows before this returns.
  virtual void fail(std::string_view reason) = 0;

  /// The Endpoint's account of what is on it.
  ConnectionWork& work() { return work_; }
  /// The peer works on several calls of the connection at a time: it has answered one before an
  /// older one, or said that it is a gateway.
  bool out_of_order() const { return out_of_order_; }
  /// on_up() has come.
  void note_up(uint64_t now_ms) { up_ms_ = now_ms; }
  /// It has answered a call, or was up for kProvenMs: a peer that ends all its connections at once,
  /// as one that is full, has no use for the next one either.
  bool was_of_use(uint64_t now_ms) const {
    return next_ != 0 || (up_ms_ != 0 && now_ms - up_ms_ >= kProvenMs);
  }
  /// Its other end is a gateway, and no proxy: their TLS has said so (ALPN). Known once it is up.
  bool reaches_gateway() const { return reaches_gateway_; }
  /// Once it is down: false when the peer, which works on one call after the other, has certainly
  /// not begun with this one. It has closed the connection after its last reply, so only the oldest
  /// call without an answer is in doubt. After a stray reply it may be any of them.
  bool may_have_begun(const ForwardedCall& forwarded) const {
    return !ended_in_order_ || out_of_order_ || had_stray_reply_ ||
           slots_[forwarded.slot].order == next_;
  }

  /// The call was answered otherwise. Its slot stays taken until the peer answers, and its bytes
  /// stay among the requests' bytes: the peer still works on it, or has not even read it.
  void give_up(ForwardedCall& forwarded, uint64_t now_ms);
  /// Some request was given up until then, and no answer has come since.
  bool overdue(uint64_t until_ms) const;
  /// Frees the slots of requests given up until then; returns how many. Their answers, should they
  /// still come, are ignored. None while answers come: see note_heard().
  uint32_t forget_given_up(uint64_t until_ms);
  /// The same of those that were sent before one that has been answered. It looks at all slots.
  uint32_t forget_overtaken();
  /// An answer has come while slots of given-up calls are taken: the peer works on, and may be
  /// about to come to these.
  void note_heard(uint64_t now_ms) { heard_ms_ = now_ms; }
  /// Requests under way whose caller still waits.
  uint32_t live() const { return load() - given_up_; }
  /// The forwarded calls under way, as they were sent; they are the connection's no longer.
  std::vector<ForwardedCall*> take_all();

  /// The wire id of a slot: 13 bits of slot, 19 of generation.
  static constexpr unsigned kSlotBits = 13;
  /// Requests that one connection can carry. One slot less than the ids have room for: no call's id
  /// is kProbeId then.
  static constexpr uint32_t kMaxLoad = (1U << kSlotBits) - 1;
  static constexpr uint64_t kProvenMs = 500;

 protected:
  /// The id of the `connect` that opens a connection.
  static constexpr uint32_t kProbeId = UINT32_MAX;

  BackendConnection(TimerQueue& timers, Owner& owner, const BackendConnectionOptions& options);

  const BackendConnectionOptions& options() const { return options_; }
  /// Fails on the loop's next turn: on_down() must not come in a constructor.
  void fail_soon(std::string reason);

  uint32_t take_slot(ForwardedCall& forwarded);
  struct Slot {
    ForwardedCall* forwarded = nullptr;  ///< null when given up
    uint64_t given_up_ms = 0;            ///< 0 unless given up
    uint32_t order = 0;                  ///< in which it was sent; wraps around
    size_t request_bytes = 0;            ///< of one that is given up
  };
  /// The request with this id; null when none is under way.
  Slot* find(uint32_t id) { return slots_.find(key_of(id)); }
  /// Hands a reply to the slot that find() has found.
  void complete(uint32_t id, const Slot& slot, ByteView body);
  /// The same for a reply that cannot be used: an error that says why takes its place.
  void complete_unusable(uint32_t id, const Slot& slot, size_t reply_bytes,
                         wire::ValueStatus status = wire::ValueStatus::malformed);
  /// give_up() has been called for a request: what has come of its answer is of no use.
  virtual void on_given_up() {}
  /// The answer to `connect`: only Zero's own counts.
  void on_probe_answer(ByteView body);
  void went_down(std::string_view reason);
  bool down() const { return state_ == State::down; }
  void note_gateway() { reaches_gateway_ = true; }
  /// The peer has closed the connection after a whole reply: fail() is next.
  void note_end_in_order() { ended_in_order_ = true; }
  /// A reply has come to none of the calls under way: it comes twice, or its id is made up.
  void note_stray_reply() { had_stray_reply_ = true; }

 private:
  enum class State : uint8_t { connecting, up, down };
  static SlotKey key_of(uint32_t id) { return {id & kMaxLoad, id >> kSlotBits}; }
  void release(uint32_t slot);
  template <class Which>
  uint32_t forget(Which which);
  bool is_overtaken(const Slot& slot) const { return static_cast<int32_t>(slot.order - next_) < 0; }

  Owner& owner_;
  const BackendConnectionOptions options_;
  std::string late_reason_ = "no answer to `connect` in time";
  Timer deadline_;  ///< of connecting
  State state_ = State::connecting;
  uint32_t given_up_ = 0;  ///< of the slots that are taken
  uint32_t sent_ = 0;      ///< requests; wraps around
  /// One more than the greatest order of an answer: the next one's, if they come in order. What was
  /// sent before it is overtaken.
  uint32_t next_ = 0;
  uint64_t heard_ms_ = 0;
  uint64_t up_ms_ = 0;  ///< since when it is up
  bool out_of_order_ = false;
  bool reaches_gateway_ = false;
  bool ended_in_order_ = false;
  bool had_stray_reply_ = false;
  ConnectionWork work_;
  SlotMap<Slot, 32 - kSlotBits> slots_;
};

}  // namespace zerogate
