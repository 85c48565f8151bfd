// All backends of a worker.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/bridge/backend.h"
#include "core/bridge/request_memory.h"
#include "core/bridge/socket_connection_maker.h"
#include "core/io/dns_lookup.h"
#include "core/io/event_loop.h"
#include "core/io/tls_loop.h"
#include "core/io/zmq_socket.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

struct BridgeOptions {
  static constexpr size_t kRequestMemory = RequestMemory{}.limit;

  size_t max_message = 16 << 20;  ///< bytes of one reply (limits.message)
  /// Bytes of requests that all backends together may hold (RequestMemory); more are refused as
  /// overloaded. A connection copies what it is writing, so it may be twice as much.
  size_t request_memory = kRequestMemory;
  MemoryAccount* memory = nullptr;  ///< of the worker; null: one of its own. Outlives the bridge
  std::string identity;             ///< of the process; see ConnectService
  std::shared_ptr<NameService> names = std::make_shared<NameService>();  ///< the process' one
  std::shared_ptr<StateLog> states = std::make_shared<StateLog>();
  std::shared_ptr<ByHand> by_hand = std::make_shared<ByHand>();  ///< the process' one
  TlsLoop* tls_loop = nullptr;  ///< of backends by tls://; outlives the bridge
  /// See BridgeContext.
  std::function<std::optional<FunctionLabel>(ByteView)> learn = [](ByteView) {
    return std::nullopt;
  };
};

/// Owns backends for as long as a route holds them or a call is under way in them, and writes what
/// they have gathered at the end of each turn. Loop thread only.
class Bridge final : public EndOfTurn {
 public:
  Bridge(EventLoop& loop, WorkerMetrics& metrics, BridgeOptions options);
  ~Bridge();

  /// The backend with these options. One that is there keeps its connections, and takes over what
  /// needs no new ones at once, so that a new configuration disturbs only what it changes.
  std::shared_ptr<Backend> get(const BackendOptions& options);

  const std::string& identity() const { return context_.connection.identity; }

  /// No function has the label any more.
  void forget(FunctionLabel label);
  /// ByHand has changed.
  void look_at_orders();
  /// Ends the ejection of this endpoint of all backends of the name.
  void clear(std::string_view backend, std::string_view endpoint);

  /// Answers every call under way with an error: the worker ends.
  void fail_all();

  void end_of_turn() override;

 private:
  /// Of a worker's context. 1,023 is libzmq's default, which 341 connections use up; these are
  /// enough for 5,461, old and new ones of a reload together, and cost 200 KiB once the first
  /// connection is made. A connection that gets none is one that could not be made.
  static constexpr int kMaxZmqSockets = 16'384;

  struct Entry {
    std::shared_ptr<Backend> backend;
    std::shared_ptr<BackendMetrics> metrics;
  };

  EventLoop& loop_;
  WorkerMetrics& metrics_;
  ZmqContext zmq_context_;
  SocketConnectionMaker maker_;
  DnsLookupMaker lookups_;
  std::unique_ptr<char[]> read_buffer_;
  ReadTurns turns_;
  TcpStream::Totals in_;
  size_t unclaimed_ = 0;      ///< of backends' unfinished frames, in the account
  MemoryAccount own_memory_;  ///< where no worker has one
  MemoryAccount& memory_;
  RequestMemory requests_;
  BridgeContext context_;
  std::vector<Entry> entries_;
  std::vector<Backend*> dirty_;     ///< they have gathered something in this turn
  std::vector<Backend*> flushing_;  ///< reused
};

}  // namespace zerogate
