// A port for byte streams: accepts connections and keeps them within their limits. It knows no
// format.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/slot_map.h"
#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/listener/accept_gate.h"
#include "core/listener/departed_callers.h"
#include "core/listener/lingering_sockets.h"
#include "core/listener/listen_socket.h"
#include "core/listener/listener.h"
#include "core/listener/stream_session.h"

namespace zerogate {

/// Owns its sessions. Accepts, passes connections on to other workers, refuses those over the
/// limit, closes the ones that stall or hold too much memory, and flushes at the turn's end. Also
/// on a Unix socket. Loop thread only; destroy it before the loop is run for the last time, for
/// handles close on the loop.
class StreamListener final : private StreamSession::Owner, private EndOfTurn {
 public:
  static constexpr uint64_t kStallCheckMs = 1'000;
  /// While a newcomer waits, whether another worker has room is looked at so often.
  static constexpr uint64_t kHeldAgainMs = 100;
  /// Newcomers accepted in a turn: no call waits for more of them.
  static constexpr int kAcceptedAtOnce = 64;
  /// After accepting has failed, for want of descriptors or memory.
  static constexpr uint64_t kAcceptAgainMs = 100;
  /// From a drain's beginning: for handshakes that are under way, some round trips.
  static constexpr uint64_t kAcceptGraceMs = 50;
  /// Descriptors of the process that no client gets.
  static constexpr int kSpareDescriptors = 8;
  /// Certificates that are judged again at a time, and the time to the next ones: a quarter of the
  /// loop's time at most.
  static constexpr size_t kCheckedAtOnce = 8;
  static constexpr uint64_t kCheckMs = 4;

  /// `timers` are mostly the loop's own: stalls are judged by their clock.
  StreamListener(EventLoop& loop, TimerQueue& timers, StreamProtocol& protocol,
                 ListenerMetrics& metrics, const StreamOptions& options);
  ~StreamListener();
  StreamListener(const StreamListener&) = delete;
  StreamListener& operator=(const StreamListener&) = delete;

  /// Starts to accept on the socket, which outlives the accepting. Once.
  Status listen(const ListenSocket& socket);
  /// Accepts no more; the connections there are stay.
  void stop_accepting();
  /// Takes the connections that clients have begun, for kAcceptGraceMs, and then accepts no more;
  /// from now on each connection leaves as soon as nothing of it is under way.
  void drain();
  /// Before listen(): its connections speak TLS.
  void secure(ListenerTls tls) { shared_.tls.emplace(std::move(tls)); }
  /// Of new connections from now on. With `check` those that are there are judged by it, a few in
  /// each turn of a timer: each costs a tenth of a millisecond.
  void set_tls(std::shared_ptr<const TlsContext> context, bool check);
  bool accepts() const { return socket_ != nullptr; }
  /// Has every connection leave, once what was sent until now is answered. No call may be under
  /// way, and a new one has to be answered at once.
  void leave();
  /// Instead of leave(), where a peer that is told the end would lose what it sends meanwhile:
  /// nothing is read until finish(). Newcomers are held back.
  void pause();
  /// Before the end: what was sent until now is answered, at once, and written. Where some wait for
  /// their peers, each connection leaves once it has its own.
  void finish();
  /// Calls `function` with each session; it may close that one.
  template <class Function>
  void for_each(Function function) {
    sessions_.for_each([&](uint32_t, auto& session) { function(*session); });
  }
  bool empty() const { return sessions_.size() == 0; }
  /// Takes a connected socket, TCP or Unix, as if it had been accepted here.
  void adopt(UniqueFd connection) { take(std::move(connection)); }
  /// Writes what was gathered, as at the turn's end.
  void flush();
  /// True when no reply waits to be written.
  bool flushed() const { return shared_.waiting == 0 && shared_.dirty.empty(); }
  /// Ends every connection at once.
  void close_all();
  /// See Listener.
  size_t largest_hoard();
  bool end_largest();
  double slowest_pace();
  void end_slowest() { end_for_memory(find_slowest()); }
  void list_sockets(std::vector<SocketHoard>& hoards);
  void end_socket(const SocketHoard& hoard);
  bool hoards_unseen() const { return stall_timer_.active() || lingering_.size() != 0; }

  const StreamOptions& options() const { return shared_.options; }
  RefusalLog& refusals() { return refusals_; }
  /// See Listener.
  void list_clients(ClientList& list);
  /// Null when the connection has gone.
  StreamSession* find(CallerKey caller) {
    const std::unique_ptr<StreamSession>* session = sessions_.find(caller);
    return session != nullptr ? session->get() : nullptr;
  }
  bool gone(CallerKey caller) const { return sessions_.find(caller) == nullptr; }
  /// See ReplySink.
  std::string peer(CallerKey caller) const;
  const Caller& caller(CallerKey caller) const;

 private:
  void on_growth() override;
  void watch_stalls() override;
  void remember(StreamSession& session) override {
    departed_.begin_turn(loop_.began_ns());
    departed_.add({session.key(), session.peer(), session.caller()});
  }
  void linger(int fd) override;
  void forget(StreamSession& session) override;
  void end_of_turn() override {
    flush();
    closed_.clear();
  }

  void watch_newcomers();
  void accept_newcomers(int most);
  /// False: no more at this time.
  bool accept_next();
  /// The same. Where there are no descriptors or no memory, newcomers stay in the kernel for
  /// kAcceptAgainMs.
  bool accept_failed(int error);
  /// At a drain: those that wait have begun their connections.
  void accept_the_last();
  /// Takes the connection, or passes it on: see AcceptBalancer::place(). False: the port is full.
  bool place(UniqueFd& connection);
  /// Takes what other workers have passed on.
  void adopt_passed_on();
  void take(UniqueFd connection, bool has_place = true);
  /// Of a Unix socket the file's rights say who may connect.
  bool is_allowed(const PeerAddress& peer) const;
  /// Of TLS: false when one more handshake may not be under way.
  bool make_room_for_handshake();
  void open_inbox();
  void tell_connections();
  /// The connection waits until there is room for it, here or with another worker; the others
  /// behind it wait in the kernel.
  void hold_back(UniqueFd connection);
  void watch_others();
  void accept_held_back();
  void check_stalls();
  void check_certificates();
  void shed_memory();
  void account_memory();
  StreamSession* find_largest();
  StreamSession* find_slowest();
  StreamSession* least_useful(size_t (StreamSession::*bytes)() const,
                              uint64_t (StreamSession::*since_ms)() const);
  bool end_for_memory(StreamSession* session);
  bool beginnings_hoard() const;
  void count_bytes();

  EventLoop& loop_;
  ListenerMetrics& metrics_;
  RefusalLog refusals_;
  LingeringSockets lingering_;
  const ListenSocket* socket_ = nullptr;  ///< null when it does not accept
  AcceptMember member_;
  UvPtr<uv_poll_t> accept_;  ///< polls socket_
  UvPtr<uv_async_t> inbox_;  ///< wakes the loop when another worker has passed something on
  Timer stall_timer_;
  Timer tell_timer_;    ///< tells the balancer again
  Timer accept_timer_;  ///< of drain()
  Timer rest_timer_;
  Timer held_timer_;  ///< there is room for the connection that was held back
  UniqueFd held_back_;
  std::optional<StateReporter> room_;  ///< where newcomers wait
  std::optional<AcceptGate> gate_;     ///< of a TCP socket where newcomers wait: see pause()
  Timer certificate_timer_;
  std::vector<CallerKey> to_check_;  ///< sessions whose certificates are to be judged again
  std::vector<CallerKey> shaking_;   ///< in the order of their handshakes, some of which are done
  const std::unique_ptr<char[]> read_buffer_;
  MemoryAccount own_memory_;  ///< where no worker has one
  StreamSession::Shared shared_;
  size_t requests_ = 0;            ///< this port's part of the account, without what is claimed
  size_t replies_ = 0;             ///< the same
  size_t price_ = 0;               ///< of its connections
  uint64_t received_counted_ = 0;  ///< bytes that the metrics have
  uint64_t sent_counted_ = 0;
  SlotMap<std::unique_ptr<StreamSession>> sessions_;
  std::vector<std::unique_ptr<StreamSession>> closed_;  ///< in this turn: they may still be in use
  std::vector<CallerKey> flushing_;                     ///< reused
  bool is_flushing_ = false;
  DepartedCallers departed_;
};

}  // namespace zerogate
