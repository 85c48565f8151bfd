// The raw-TCP port: accepts connections and answers them through the Dispatcher.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/listener/listen_socket.h"
#include "core/listener/tcp_session.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/dispatcher.h"

namespace zerogate {

struct TcpOptions {
  /// Bytes of unfinished frames over all connections, beyond one frame of the largest size. When
  /// there are more, the oldest unfinished frame's connection goes.
  static constexpr size_t kReceiveMemory = 64 << 20;
  /// Bytes of unread replies over all connections, beyond one reply of the largest size. When
  /// there are more, the connection that has read nothing for longest goes.
  static constexpr size_t kSendMemory = 256 << 20;
  /// A frame must be finished, and some reply bytes be read, within this time.
  static constexpr uint64_t kStallTimeoutMs = 30'000;

  size_t max_message = 16 << 20;      ///< bytes of one payload (limits.message)
  uint32_t max_connections = 10'000;  ///< of this listener (limits.connections)
  size_t write_buffer = 1 << 20;      ///< bytes unread by one peer before we stop reading from it
  // No configuration names these. A container's memory limit lowers the first two; tests set all of
  // them, to move fewer bytes and wait for less.
  size_t receive_memory = kReceiveMemory;
  size_t send_memory = kSendMemory;
  uint64_t stall_timeout_ms = kStallTimeoutMs;
};

/// Also speaks on a Unix socket. Loop thread only; destroy it before the loop is run for the last
/// time, for handles close on the loop.
class TcpListener final : public ReplySink, public EndOfTurn {
 public:
  /// A long frame has one more second for each of these bytes: the slowest link that we serve.
  static constexpr size_t kSlowestBytesPerSecond = 64 << 10;
  static constexpr uint64_t kStallCheckMs = 1'000;
  /// Descriptors of the process that no client gets.
  static constexpr int kSpareDescriptors = 8;

  TcpListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
              const TcpOptions& options);
  ~TcpListener();

  /// Starts to accept on a duplicate of the socket.
  Status listen(const ListenSocket& socket);
  /// Accepts no more; the connections there are stay.
  void stop_accepting();
  /// True when no reply waits to be written.
  bool flushed() const { return unsent_sessions_ == 0 && dirty_.empty(); }
  /// Ends every connection at once.
  void close_all();

  bool deliver(const ReturnPath& path, ByteView body) override;
  bool gone(CallerKey caller) const override;
  std::string peer(CallerKey caller) const override;
  void end_of_turn() override;

 private:
  friend class TcpSession;

  void on_connection(int status);
  /// Accepts the next connection for another worker.
  void pass_on(size_t to);
  /// Takes what other workers have passed on.
  void adopt_passed_on();
  void adopt(UniqueFd connection);
  TcpSession& make_session();
  void admit(TcpSession& session);
  void open_inbox();
  void forget(TcpSession& session);
  void tell_connections();
  TcpSession* find(CallerKey key);
  void watch_stalls();
  void check_stalls();
  void shed_memory();
  TcpSession* longest_waiting(size_t (TcpSession::*bytes)() const);

  EventLoop& loop_;
  Dispatcher& dispatcher_;
  ListenerMetrics& metrics_;
  const TcpOptions options_;
  bool is_pipe_ = false;
  ReuseportMember member_;
  UvPtr<UvStream> accept_;
  UvPtr<uv_async_t> inbox_;  ///< wakes the loop when another worker has passed something on
  Timer stall_timer_;
  Timer tell_timer_;                     ///< tells the balancer again
  std::unique_ptr<char[]> read_buffer_;  ///< shared by all sessions: used during one read only
  SlotMap<TcpSession*> sessions_;        ///< each owned by its libuv handle
  std::vector<CallerKey> dirty_;         ///< sessions with replies of this turn
  std::vector<CallerKey> flushing_;      ///< reused
  size_t received_bytes_ = 0;            ///< in all sessions' partial_
  size_t unsent_bytes_ = 0;              ///< in all sessions' out_ and writing_
  uint32_t unsent_sessions_ = 0;         ///< sessions with a uv_write under way
};

}  // namespace zerogate
