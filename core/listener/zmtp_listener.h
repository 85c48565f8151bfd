// The plain ZeroMQ port: ZMTP's frames in, answers of the Dispatcher out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/listener/keep_alive_window.h"
#include "core/listener/listener.h"
#include "core/listener/stream_listener.h"
#include "core/listener/zmq_options.h"
#include "core/rpc/dispatcher.h"
#include "core/wire/zmq_wire.h"
#include "core/wire/zmtp.h"

namespace zerogate {

/// A ROUTER's end of ZMTP over the connections of a StreamListener, whose limits are those of the
/// TCP port: libzmq 4.3.4's ROUTER has none for what a peer sends. It lets a peer claim another's
/// identity, and with it get his answers or end the process (an assertion of its own numbers); it
/// keeps a message of endless parts, of which the application hears nothing. Here a reply goes to
/// the connection that has asked, whatever identity its peer claims, and a message has two frames
/// at most. Loop thread only.
class ZmtpListener final : public Listener, public ReplySink, private StreamProtocol {
 public:
  /// A message up to this much over the limit is still read, so that its sender gets an error
  /// instead of silence.
  static constexpr size_t kOversizeGrace = 1 << 20;
  /// The first of two frames is a function's name: one that is longer than this is none.
  static constexpr size_t kMaxNameFrame = 16 << 10;
  static constexpr uint64_t kHandshakeTimeoutMs = 5'000;
  /// Frames taken of a connection before others have their turn. A read of 64 KiB has 655 calls of
  /// a released client at most, and 32,768 empty messages.
  static constexpr int kFramesPerTurn = 1'024;
  /// Calls that a connection may have under way; more are not read. A client's libzmq has room for
  /// 1,000 more, and then fails its calls: these are more than limits.in_flight lets many have.
  static constexpr uint32_t kMaxCallsInFlight = 16 << 10;

  ZmtpListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
               const ZmqOptions& options)
      : ZmtpListener(loop, loop.timers(), dispatcher, metrics, options) {}
  /// Stalls and silences are judged by the clock of `timers`, for tests.
  ZmtpListener(EventLoop& loop, TimerQueue& timers, Dispatcher& dispatcher,
               ListenerMetrics& metrics, const ZmqOptions& options);

  Status listen(const ListenSocket& socket) override { return connections_.listen(socket); }
  void stop_accepting() override { connections_.stop_accepting(); }
  /// Goes on to accept and to read: a client that is told the end too early loses what it sends
  /// meanwhile.
  void drain() override {}
  bool closed() const override { return true; }
  /// Holds newcomers back, and reads no more. A client that calls again as soon as it was answered
  /// has a request waiting here after that, and nothing on its way. finish() answers it.
  void leave() override { connections_.pause(); }
  bool empty() const override { return connections_.empty(); }
  bool flushed() const override { return connections_.flushed(); }
  /// Refuses the requests that wait, all at once: the next ones find the connection closed and stay
  /// in their clients, for the next gateway.
  void finish() override { connections_.finish(); }
  size_t largest_hoard() override { return connections_.largest_hoard(); }
  bool end_largest() override { return connections_.end_largest(); }
  double slowest_pace() override { return connections_.slowest_pace(); }
  void end_slowest() override { connections_.end_slowest(); }
  void list_sockets(std::vector<SocketHoard>& hoards) override {
    connections_.list_sockets(hoards);
  }
  void end_socket(const SocketHoard& hoard) override { connections_.end_socket(hoard); }
  bool hoards_unseen() const override { return connections_.hoards_unseen(); }
  void list_clients(ClientList& list) override { connections_.list_clients(list); }

  void adopt(UniqueFd connection) { connections_.adopt(std::move(connection)); }

  Delivery deliver(const ReturnPath& path, ByteView body, BodyKind) override;
  bool gone(CallerKey caller) const override { return connections_.gone(caller); }
  std::string peer(CallerKey caller) const override { return connections_.peer(caller); }
  const Caller& caller(CallerKey caller) const override { return connections_.caller(caller); }

 private:
  /// What is known of a connection besides its session. By the session's slot.
  struct Peer {
    enum class Phase : uint8_t { greeting, handshake, open };
    Phase phase = Phase::greeting;
    bool skipping = false;  ///< the rest of a message of too many frames
    uint64_t last_call_ms = 0;
    uint64_t last_sent_ms = 0;
    KeepAliveWindow window{};
    /// Of a message whose second frame comes behind a command; at most kMaxFunctionNameBytes.
    std::unique_ptr<const std::string> name{};
  };

  void welcome(StreamSession& session) override;
  ByteView consume(StreamSession& session, ByteView bytes, uint64_t received_ns,
                   size_t& frame_size) override;
  // Each takes what is at the front of `bytes`, and returns how much that was; 0 when it is not
  // whole.
  size_t take_greeting(StreamSession& session, Peer& peer, ByteView bytes);
  size_t take_frame(StreamSession& session, Peer& peer, ByteView bytes, uint64_t received_ns,
                    size_t& frame_size);
  /// A message that begins with `first`, which is not its last frame.
  size_t take_two(StreamSession& session, Peer& peer, const wire::zmtp::Frame& first,
                  ByteView bytes, uint64_t received_ns, size_t& frame_size);
  /// The frame behind peer.name.
  [[gnu::cold]] void take_second(StreamSession& session, Peer& peer,
                                 const wire::zmtp::Frame& second, uint64_t received_ns);
  void take_command(StreamSession& session, Peer& peer, ByteView body);
  void dispatch(StreamSession& session, Peer& peer, const wire::ZmqRequest& request,
                uint64_t received_ns);
  [[gnu::cold]] void refuse(StreamSession& session, IncomingRequest& incoming, ByteView message);
  void count(StreamSession& session, Malformed reason);
  void watch_silence();
  void keep_alive();

  Dispatcher& dispatcher_;
  ListenerMetrics& metrics_;
  const Clock& clock_;
  const size_t max_body_;  ///< of a frame
  const uint32_t keep_alive_ms_;
  const uint64_t keep_alive_for_ms_;
  std::vector<Peer> peers_;
  std::string old_error_;  ///< reused
  Timer silence_timer_;
  StreamListener connections_;
};

}  // namespace zerogate
