// The CURVE port: libzmq's ROUTER in the worker's loop, answered through the Dispatcher.
// (ZmtpListener is the plain ZeroMQ port.)
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/event_loop.h"
#include "core/io/zmq_monitor.h"
#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"
#include "core/listener/accept_gate.h"
#include "core/listener/listen_socket.h"
#include "core/listener/listener.h"
#include "core/listener/refusal_log.h"
#include "core/listener/reply_blocks.h"
#include "core/listener/zap_handler.h"
#include "core/listener/zmq_connections.h"
#include "core/listener/zmq_options.h"
#include "core/listener/zmq_peers.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/dispatcher.h"
#include "core/wire/zmq_wire.h"

namespace zerogate {

/// A ROUTER and its connections. libzmq's own threads greet, frame, read and write; only its
/// options can bound that work, see zmq_router.cc for each option and its reason. Loop
/// thread only.
class ZmqListener final : public Listener, public ReplySink, private EndOfTurn, private ZmqReader {
 public:
  /// Messages read at once before other handles of the loop have their turn, unless they are of
  /// kBytesPerTurn before, or take kTurnNs.
  static constexpr int kMessagesPerTurn = 512;
  /// A copy of as many bytes, from the request to the reply, takes a millisecond.
  static constexpr size_t kBytesPerTurn = 1 << 20;
  static constexpr uint64_t kTurnNs = 2'000'000;
  /// Messages between two looks at the clock.
  static constexpr int kLookEvery = 32;
  /// Messages that libzmq queues of one peer.
  static constexpr int kRequestQueue = 256;
  /// Replies to a peer are counted until libzmq has sent them, all of so many bytes with the last
  /// of them: libzmq sends them in their order.
  static constexpr size_t kCountedAtOnce = 16 << 10;
  /// Of each message in libzmq, besides its bytes (its slot, block and counter).
  static constexpr size_t kMessageBytes = 96;
  /// A message up to this much over the limit is still read, so that its sender gets an error
  /// instead of silence. libzmq closes the connection of a longer one without an event.
  static constexpr size_t kOversizeGrace = 1 << 20;
  /// Keep-alive frames that may wait in libzmq for one peer: they never crowd out a reply.
  static constexpr size_t kKeepAlivesWaiting = 4;
  static constexpr int kHandshakeTimeoutMs = 5'000;
  /// A peer that has vanished: without traffic for so long the kernel asks whether it is still
  /// there, and ends its connection when nothing that was sent is acknowledged for kVanishedMs.
  static constexpr int kKeepAliveS = 60;
  static constexpr int kVanishedMs = 30'000;
  /// What libzmq has read is looked at again before a peer could have sent what is left of the
  /// memory: libzmq's thread reads no faster.
  static constexpr size_t kReadBytesPerMs = 1 << 20;
  static constexpr uint64_t kLongestLookMs = 1'000;
  /// The memory of large replies is kept as long as it is used again and memory is not short: this
  /// part of the account, and at most so many bytes.
  static constexpr size_t kBlocksPart = 4;
  static constexpr size_t kMostBlockBytes = 64 << 20;
  /// While others wait for memory, a peer for which more waits than a long frame has is ended when
  /// it has read less between each two of so many looks: on other ports the same is too slow.
  static constexpr size_t kSlowReaderBytes = 64 << 10;
  static constexpr uint32_t kSlowReaderChecks = 3;
  /// Requests that finish() refuses: more than this wait only where a peer floods the port.
  static constexpr int kLastMessages = 8 * kMessagesPerTurn;

  ZmqListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
              const ZmqOptions& options);
  ~ZmqListener() override;

  Status listen(const ListenSocket& socket) override;
  /// Holds new connections back: zmq_unbind would end those there are in 4.3.4.
  void stop_accepting() override;
  /// libzmq has every reply at once, and writes it on a thread of its own.
  bool flushed() const override { return true; }
  /// Goes on to accept: to close libzmq's port would end its connections.
  void drain() override {}
  bool closed() const override { return true; }
  /// Holds newcomers back, and reads no more. A client that calls again as soon as it was answered
  /// has a request waiting here after that, and nothing on its way. finish() answers it.
  void leave() override;
  bool empty() const override { return router_ == nullptr || connections_.count() == 0; }
  /// Refuses the requests that wait, and closes the port at once: the next ones stay in their
  /// clients, for the next gateway. Destruction waits for libzmq to write what it has: up to
  /// `linger_ms`.
  void finish() override;
  /// The first half of it, which may be done again: libzmq brings requests when it comes to it.
  void refuse_waiting();

  size_t largest_hoard() override;
  bool end_largest() override;
  void list_sockets(std::vector<SocketHoard>& hoards) override {
    connections_.list_sockets(hoards);
  }
  void end_socket(const SocketHoard& hoard) override { connections_.end_socket(hoard); }
  bool hoards_unseen() const override { return connections_.count() != 0; }
  void list_clients(ClientList& list) override { peers_.list_clients(list, loop_.now_ms()); }

  Delivery deliver(const ReturnPath& path, ByteView body, BodyKind) override;
  /// Without port: libzmq does not tell it.
  std::string peer(CallerKey caller) const override;
  const Caller& caller(CallerKey caller) const override;

 private:
  void end_of_turn() override;
  bool receive() override;
  /// Before the ROUTER is bound. False: it cannot be had.
  bool open_zap();
  /// See ZapHandler::Judge.
  std::optional<std::string> judge(const ZapRequest& request);
  /// CURVE: false when the key under which the message came may call no more. libzmq keeps the
  /// connection, and an identity may come back under another key: so each message is looked at.
  bool may_call(ZmqPeers::Peer& peer);
  /// Takes one message. False when there is none.
  bool receive_one();
  /// Of a message of `bytes`, as on the wire.
  void dispatch(const wire::ZmqRequest& request, size_t bytes);
  void malformed(const ZmqPeers::Peer& peer, Malformed reason);
  [[gnu::cold]] void refuse(ZmqPeers::Peer& peer, const IncomingRequest& incoming, Outcome outcome,
                            ByteView message);
  /// More waits for this peer than it may let wait: an error, and in the end its connection's end.
  [[gnu::cold, gnu::noinline]] void refuse_unread(ZmqPeers::Peer& peer,
                                                  const IncomingRequest& incoming);
  /// Ends a peer's connection, which is counted. False when it could not.
  bool end(ZmqPeers::Peer& peer, CallerKey key, Rejected reason);
  /// Tells a caller that there is no memory for his reply.
  [[gnu::cold]] void send_no_memory(ZmqPeers::Peer& peer, CallerKey key, ByteView prefix);
  void account_memory();
  void look_at_unread();
  void free_unused_blocks();
  void end_slow_readers();
  /// Looks now and then, as long as there are connections, whether one of them stands still in the
  /// middle of a message.
  void watch_stalled(uint64_t in_ms);
  void end_stalled();
  /// Whether so many connections are all that may be.
  bool are_all(uint64_t connections) const;
  bool is_curve() const { return options_.curve.clients != nullptr; }
  /// Of the peer that has sent the message, without port; libzmq's word, or "unknown".
  std::string peer_address();
  /// Of the connection on which the message came.
  std::shared_ptr<ZmqTraffic> find_traffic();
  /// Of a peer's first message.
  [[gnu::cold, gnu::noinline]] void meet(ZmqPeers::Peer& peer);
  /// Counts a message that is no request.
  [[gnu::cold, gnu::noinline]] void bad_frames(size_t bytes);
  /// The rest of one that has more than one frame.
  void receive_more();
  Delivery send(ZmqPeers::Peer& peer, CallerKey key, ByteView prefix, ByteView body);
  /// Sends bytes that are counted until libzmq is done with them, with those that are not yet.
  bool send_tracked(ZmqPeers::Peer& peer, ByteView prefix, ByteView body);
  /// Sends the identity before a frame of `bytes`.
  bool address(ZmqPeers::Peer& peer, CallerKey key, size_t bytes);
  void watch_silence();
  void keep_alive();
  /// A ROUTER cannot stop reading from one peer only, so a peer that has not read this much gets
  /// errors instead: the same bound at which a TCP connection is closed. It leaves room for several
  /// large replies at once, which an asynchronous client may well ask for.
  size_t unread_limit() const { return options_.write_buffer + 2 * options_.max_message; }
  void update_gate();

  EventLoop& loop_;
  Dispatcher& dispatcher_;
  ListenerMetrics& metrics_;
  const ZmqOptions options_;
  RefusalLog refusals_;
  ZmqConnections connections_;
  MemoryAccount own_memory_;  ///< where no worker has one
  MemoryAccount& memory_;
  ReplyBlocks blocks_;  ///< it outlives the context, which has replies in them
  ZmqContext context_;
  std::unique_ptr<ZapHandler> zap_;  ///< null: everyone may connect; it outlives the ROUTER
  ZmqSocket router_;
  ZmqPeers peers_;
  UnsentBytes unsent_;                ///< of all peers
  std::vector<UnsentBytes> freeing_;  ///< of peers that were ended, until libzmq has let it go
  size_t replies_ = 0;                ///< this port's part of the account
  size_t requests_ = 0;               ///< the same
  size_t price_ = 0;                  ///< of its connections
  Timer look_timer_;                  ///< at what libzmq has read
  Timer blocks_timer_;
  Timer readers_timer_;  ///< runs while a claim waits for memory
  Timer silence_timer_;
  Timer stall_timer_;
  Timer tell_timer_;  ///< tells the balancer again
  /// Of the message that is being read; reused. What libzmq knows of the connection (User-Id,
  /// Peer-Address, descriptor) is asked of frame_: libzmq 4.3.4 leaves it out of an identity that
  /// it had ready because a ZmqPoll asked for ZMQ_EVENTS.
  ZmqMessage identity_, frame_;
  std::string old_error_;      ///< reused
  uint64_t received_ns_ = 0;   ///< of this batch
  size_t received_bytes_ = 0;  ///< the same
  bool sent_ = false;          ///< in this turn: the poll may have missed news
  bool accepting_ = true;
  bool gathering_ = false;
  std::vector<std::pair<ReturnPath, std::string>> gathered_;  ///< the last refusals
  std::optional<AcceptGate> gate_;
  StateReporter room_;  ///< whether there is room for one more connection
  AcceptMember member_;
  std::unique_ptr<ZmqMonitor> monitor_;
  std::unique_ptr<ZmqPoll> poll_;
};

}  // namespace zerogate
