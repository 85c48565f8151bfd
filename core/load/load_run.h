// Puts a load on a server and measures it.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/load/call_slots.h"
#include "core/load/load_connection.h"
#include "core/load/load_meter.h"
#include "core/load/load_options.h"
#include "core/load/load_report.h"
#include "core/load/pacer.h"
#include "core/load/precise_timer.h"

namespace zerogate {

/// One run: opens all connections, warms up, measures, and waits for the answers still missing.
///
/// Closed loop: every connection keeps `depth` calls in flight; an answer sends the next call. Open
/// loop: calls are due at even distances, whatever the server does, and go to the connections in
/// turn. A call that finds every place taken waits, and its latency counts from when it was due, so
/// that a stall of the server shows in full (no "coordinated omission"). The waiting calls are a
/// number and no queue, and are bounded: after the time-out a call counts as unsent.
///
/// The calls in flight on a connection that ends have failed; the connection is opened again a
/// little later. The caller owns the loop, and may run signals and timers of its own on it. One
/// thread.
class LoadRun final : private LoadConnection::Owner, private EndOfTurn {
 public:
  enum class Phase : uint8_t { opening, warmup, measuring, draining, done };

  LoadRun(EventLoop& loop, const LoadOptions& options);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  /// Runs the loop until the load is over. An error when not even all connections could be opened:
  /// then nothing was measured.
  Status run();

  /// Ends it early, from the loop: the report holds what was measured so far.
  void stop();

  Phase phase() const { return phase_; }
  const LoadReport& report() const { return meter_.report(); }

 private:
  /// One of the `connections`, with the calls that are in flight on it.
  struct Lane {
    enum class State : uint8_t { closed, opening, open };
    explicit Lane(uint32_t depth) : slots(depth) {}
    CallSlots slots;
    std::unique_ptr<LoadConnection> connection;
    State state = State::closed;
    uint64_t since_ns = 0;  ///< it is in this state
    bool gathered = false;  ///< it has something to flush
  };

  void on_open(LoadConnection& connection) override;
  bool on_reply(LoadConnection& connection, uint32_t id, std::optional<CallError> error,
                ByteView result, size_t size, uint64_t now_ns) override;
  void on_end(LoadConnection& connection, CallError kind, std::string_view reason) override;
  void end_of_turn() override;

  bool is_zmq() const { return options_.url.protocol == Protocol::zmq; }
  bool open_loop() const { return options_.rate > 0; }
  void open(Lane& lane, uint64_t now_ns);
  void open_next(uint64_t now_ns);
  void opening_failed(std::string_view reason);
  void begin(uint64_t now_ns);
  void finish();

  void fill(Lane& lane);
  void begin_call(Lane& lane, uint64_t intended_ns);
  void pump(uint64_t now_ns);
  void give_up_overdue(uint64_t now_ns);
  Lane* next_free_lane();
  void flush();

  void lose(Lane& lane, CallError kind, std::string_view reason, uint64_t now_ns);

  void use_tls();
  void tick();
  void look_after(Lane& lane, uint64_t now_ns);
  void check_drained(uint64_t now_ns);
  uint64_t backlog(uint64_t now_ns) const;

  EventLoop& loop_;
  const LoadOptions options_;
  const uint64_t timeout_ns_;
  LoadMeter meter_;
  Status result_ = ok_status();

  /// Handshakes are no part of a load: what comes of them is seen by the connections.
  struct NoTlsObserver final : TlsObserver {
    void on_handshake(TlsResult, uint64_t) override {}
    void on_end() override {}
  };
  NoTlsObserver no_observer_;
  std::unique_ptr<TlsLoop> tls_loop_;  ///< null without TLS
  LoadWire wire_;
  std::vector<SocketAddress> addresses_;
  size_t address_ = 0;  ///< the one in use; the next is tried when the first connection fails

  UvPtr<uv_timer_t> tick_;
  std::unique_ptr<PreciseTimer> pace_;  ///< open loop only
  std::vector<Lane> lanes_;
  std::vector<uint32_t> gathered_;  ///< lanes with something to flush
  uint32_t open_lanes_ = 0;
  uint32_t opened_ = 0;  ///< while opening: lanes begun
  uint32_t cursor_ = 0;  ///< open loop: the lane whose turn it is
  uint64_t in_flight_ = 0;

  Phase phase_ = Phase::opening;
  uint64_t looked_ns_ = 0;  ///< when the lanes were looked after last
  Pacer pacer_{0, 1};
  uint64_t next_call_ = 0;  ///< open loop: calls before it were sent or given up
};

}  // namespace zerogate
