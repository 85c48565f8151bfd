// A client of the gateway's port with CURVE, as the simulation has them: of W5, with several calls
// under way. libzmq's handshake and frames are ZmqBus's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/simulation/ledger.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::simulation {

/// Whose key a client shows, and what the gateway's keys call it.
struct CurveIdentity {
  std::string name;
  std::string key;  ///< 32 bytes; empty: it never says more than its greeting
};

class CurveClient {
 public:
  CurveClient(World& the_world, Ledger& the_ledger, std::string address, std::string gateway,
              CurveIdentity identity);
  ~CurveClient();
  CurveClient(const CurveClient&) = delete;
  CurveClient& operator=(const CurveClient&) = delete;

  void connect();
  /// The call's number.
  uint32_t call(Function function, size_t bytes);
  bool connected() const { return ready_; }
  bool may_call() const { return connected(); }
  size_t waiting() const { return open_.size(); }
  const std::string& name() const { return identity_.name; }
  /// As TcpClient's.
  uint64_t left_unanswered = 0;
  uint64_t ended_by_gateway = 0;
  bool may_be_closed = false;

  // What a seed does to it.
  void disconnect();
  void vanish();
  void pause();
  /// A message that is no request: an id that is too short, or more frames than any has.
  void send_garbage();
  /// The beginning of a long message, and not its end.
  void send_beginning();

 private:
  void attach(const ZmqLinkPtr& link);
  void drop();
  void on_gone();
  void take(const std::string& body);

  struct Sent {
    uint32_t number;
    uint64_t order;  ///< among all messages of this connection
  };

  World& world_;
  Ledger& ledger_;
  const std::string address_;
  const std::string gateway_;
  const CurveIdentity identity_;
  ZmqLinkPtr link_;
  bool ready_ = false;
  bool sent_garbage_ = false;
  uint64_t attempt_ = 0;
  uint32_t next_id_;
  uint64_t sent_ = 0;                 ///< messages
  std::map<std::string, Sent> open_;  ///< by id
};

}  // namespace zerogate::simulation
