// The ZeroMQ port: a ROUTER in the worker's loop, answered through the Dispatcher.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/io/event_loop.h"
#include "core/io/zmq_monitor.h"
#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"
#include "core/listener/accept_gate.h"
#include "core/listener/listen_socket.h"
#include "core/listener/zmq_peers.h"
#include "core/log/state_log.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/dispatcher.h"
#include "core/wire/zmq_wire.h"

namespace zerogate {

struct ZmqOptions {
  /// Bytes of large replies over all peers, beyond one of the largest size; more are dropped.
  static constexpr size_t kSendMemory = 256 << 20;

  size_t max_message = 16 << 20;      ///< bytes of one argument (limits.message)
  uint32_t max_connections = 10'000;  ///< of this listener (limits.connections)
  size_t write_buffer = 1 << 20;      ///< bytes unread by one peer; see unread_limit()
  /// A peer that was sent nothing for this long gets an empty frame (0: never). zeroapi's
  /// AsyncZeroClient (0.9.0 to 1.0.1) dies for good when no message comes for its default time-out,
  /// 2 to 5 s, and takes no notice of frames whose id it does not know.
  uint32_t keep_alive_ms = 1'000;
  /// Such frames to a peer since it last spoke. A synchronous client reads only while it calls:
  /// this many wait in its own queue and the sockets' buffers, 180 KB, and an asynchronous one is
  /// kept alive for nearly three hours without a call.
  uint32_t max_keep_alives = 10'000;
  /// No configuration names it: a container's memory limit lowers it, and tests do.
  size_t send_memory = kSendMemory;
  std::shared_ptr<StateLog> states = std::make_shared<StateLog>();
};

/// A ROUTER and its connections. libzmq's own threads greet, frame, read and write; only its
/// options can bound that work, see zmq_router.cc for each option and its reason. Loop
/// thread only.
class ZmqListener final : public ReplySink, public EndOfTurn, private ZmqReader {
 public:
  /// Messages read at once before other handles of the loop have their turn.
  static constexpr int kMessagesPerTurn = 512;
  /// Messages that libzmq queues for one peer, each way.
  static constexpr int kReplyQueue = 1'000;
  static constexpr int kRequestQueue = 256;
  /// Replies from this size on are counted until they are sent (UnsentBytes); smaller ones are
  /// bounded by kReplyQueue.
  static constexpr size_t kLargeReplyBytes = 4 << 10;
  /// A message up to this much over the limit is still read, so that its sender gets an error
  /// instead of silence. libzmq closes the connection of a longer one without an event.
  static constexpr size_t kOversizeGrace = 1 << 20;
  /// Keep-alive frames that may wait in libzmq for one peer: they never crowd out a reply.
  static constexpr size_t kKeepAlivesWaiting = 4;
  static constexpr int kHandshakeTimeoutMs = 5'000;
  /// libzmq pings quiet peers, and ends the connection of a peer that does not answer: it has
  /// vanished, or has stopped in the middle of a message.
  static constexpr int kHeartbeatMs = 10'000;
  static constexpr int kHeartbeatTimeoutMs = 30'000;

  ZmqListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
              const ZmqOptions& options);
  /// Replies that libzmq has not sent yet get up to `linger_ms` for it; see set_linger().
  ~ZmqListener();

  /// Binds to the socket (a duplicate of it). One socket only; the worker's loop reads from it.
  Status listen(const ListenSocket& socket);
  /// Holds new connections back; those there are stay (zmq_unbind would end them in 4.3.4).
  void stop_accepting();
  /// How long destruction may take for the sake of replies under way.
  void set_linger(int linger_ms) { set_option(router_, ZMQ_LINGER, linger_ms); }

  bool deliver(const ReturnPath& path, ByteView body) override;
  /// Without port: libzmq does not tell it.
  std::string peer(CallerKey caller) const override;
  void end_of_turn() override;

 private:
  bool receive() override;
  /// Takes one message. False when there is none.
  bool receive_one();
  void dispatch(ZmqMessage& identity, const wire::ZmqRequest& request);
  /// The rest of one that has more than one frame.
  void receive_more();
  bool send(ZmqPeers::Peer& peer, CallerKey key, ByteView prefix, ByteView body);
  /// Sends bytes that are counted until libzmq is done with them.
  bool send_tracked(ZmqPeers::Peer& peer, ByteView prefix, ByteView body);
  bool address(ZmqPeers::Peer& peer, CallerKey key);
  void watch_silence();
  void keep_alive();
  /// A ROUTER cannot stop reading from one peer only, so a peer that has not read this much gets
  /// errors instead: the same bound at which a TCP connection is closed. It leaves room for several
  /// large replies at once, which an asynchronous client may well ask for.
  size_t unread_limit() const { return options_.write_buffer + 2 * options_.max_message; }
  void on_connection_event(int event);
  void update_gate();

  EventLoop& loop_;
  Dispatcher& dispatcher_;
  ListenerMetrics& metrics_;
  const ZmqOptions options_;
  ZmqContext context_;
  ZmqSocket router_;
  ZmqPeers peers_;
  UnsentBytes unsent_;  ///< of all peers
  Timer silence_timer_;
  Timer tell_timer_;             ///< tells the balancer again
  ZmqMessage identity_, frame_;  ///< of the message that is being read; reused
  std::string old_error_;        ///< reused
  uint64_t received_ns_ = 0;     ///< of this batch
  bool sent_ = false;            ///< in this turn: the poll may have missed news
  bool accepting_ = true;
  std::optional<AcceptGate> gate_;
  StateReporter room_;  ///< whether there is room for one more connection
  ReuseportMember member_;
  std::unique_ptr<ZmqMonitor> monitor_;
  std::unique_ptr<ZmqPoll> poll_;
};

}  // namespace zerogate
