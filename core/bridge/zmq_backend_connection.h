// A connection to a ZeroMQ backend (W5): a DEALER of its own.
#pragma once

#include <memory>
#include <string>

#include "core/base/address.h"
#include "core/base/memory_account.h"
#include "core/bridge/backend_connection.h"
#include "core/bridge/reply_queue.h"
#include "core/io/event_loop.h"
#include "core/io/zmq_monitor.h"
#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"

namespace zerogate {

/// One connection, as with TCP. libzmq would reconnect by itself and lose requests without a word,
/// so it is told not to reconnect, and its events end the connection. While replies are long,
/// libzmq reads few of them ahead, and each claims its memory before it is taken. Loop thread only.
class ZmqBackendConnection final : public BackendConnection,
                                   private ZmqReader,
                                   private MemoryAccount::Claimant {
 public:
  /// libzmq keeps a reply in memory until it is whole, whatever its size, and ends the connection
  /// of one that is larger than it may be. So it may be so many times limits.message: such a reply
  /// costs its own call only. A still larger one costs those that are on the connection with it.
  static constexpr size_t kOversizeFactor = 4;
  /// So many short replies, read ahead by libzmq, are at most this part of the account.
  static constexpr size_t kFullQueue = 1'024;
  static constexpr size_t kQueuePart = 16;

  /// Starts to connect to a numeric address or a Unix socket. `context` outlives the connection.
  /// Failure, that there is no room for more sockets included, is told by on_down(), later.
  ZmqBackendConnection(EventLoop& loop, void* context, Owner& owner, const Address& address,
                       const BackendConnectionOptions& options);
  ~ZmqBackendConnection() override;

  void send(ForwardedCall& forwarded) override;
  /// Always true: once libzmq has taken the request, it may have been sent.
  bool was_written(const ForwardedCall&) const override { return true; }
  void flush() override;
  /// Of a Unix socket; over TCP the kernel ends the connection (ZMQ_TCP_MAXRT).
  bool peer_reads() const override;
  void fail(std::string_view reason) override { went_down(reason); }

 private:
  /// False, with libzmq's error, when something of it cannot be made.
  bool open(EventLoop& loop, void* context, const Address& address);
  void send_probe();
  bool receive() override;
  /// False: it waits until there is memory for a long reply.
  bool claim_memory();
  void on_memory() override { poll_->recheck(); }
  void take(ZmqMessage& message);
  void on_message(ByteView body);

  ReplyQueue queue_;
  std::string probe_id_;
  ZmqSocket dealer_;
  int unix_socket_ = -1;  ///< libzmq's; another one may have the number once it is closed
  std::unique_ptr<ZmqMonitor> monitor_;
  std::unique_ptr<ZmqPoll> poll_;
  ZmqMessage message_;  ///< the one that is being read; reused
  bool sent_ = false;   ///< in this turn: the poll may have missed news
};

}  // namespace zerogate
