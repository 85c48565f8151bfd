// The raw-TCP port: Zero's frames in, answers of the Dispatcher out.
#pragma once

#include <cstdint>
#include <string>

#include "core/listener/listener.h"
#include "core/listener/stream_listener.h"
#include "core/rpc/dispatcher.h"
#include "core/wire/tcp_wire.h"

namespace zerogate {

/// Its connections are a StreamListener's. Loop thread only.
class TcpListener final : public Listener, public ReplySink, private StreamProtocol {
 public:
  TcpListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
              const StreamOptions& options)
      : TcpListener(loop, loop.timers(), dispatcher, metrics, options) {}
  /// Stalls are judged by the clock of `timers`, for tests.
  TcpListener(EventLoop& loop, TimerQueue& timers, Dispatcher& dispatcher, ListenerMetrics& metrics,
              const StreamOptions& options)
      : dispatcher_(dispatcher), connections_(loop, timers, *this, metrics, options) {}

  Status listen(const ListenSocket& socket) override { return connections_.listen(socket); }
  void stop_accepting() override { connections_.stop_accepting(); }
  void drain() override { connections_.drain(); }
  bool closed() const override { return !connections_.accepts(); }
  void leave() override { connections_.leave(); }
  bool empty() const override { return connections_.empty(); }
  bool flushed() const override { return connections_.flushed(); }
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

  /// See StreamListener.
  void secure(ListenerTls tls) { connections_.secure(std::move(tls)); }
  void set_tls(std::shared_ptr<const TlsContext> context, bool check) {
    connections_.set_tls(std::move(context), check);
  }
  void adopt(UniqueFd connection) { connections_.adopt(std::move(connection)); }
  void close_all() { connections_.close_all(); }

  Delivery deliver(const ReturnPath& path, ByteView body, BodyKind kind) override;
  bool gone(CallerKey caller) const override { return connections_.gone(caller); }
  std::string peer(CallerKey caller) const override { return connections_.peer(caller); }
  const Caller& caller(CallerKey caller) const override { return connections_.caller(caller); }

 private:
  ByteView consume(StreamSession& session, ByteView bytes, uint64_t received_ns,
                   size_t& frame_size) override;
  void dispatch(StreamSession& session, const wire::TcpFrame& frame, uint64_t received_ns);
  /// Answers a frame that no service should see, or ends the session.
  void refuse(StreamSession& session, IncomingRequest& incoming, wire::t3::EnvelopeStatus status);

  Dispatcher& dispatcher_;
  StreamListener connections_;
};

}  // namespace zerogate
