// A client of the gateway's ZeroMQ port, as the simulation has them: those of W3, W4 and W5, which
// have several calls under way on one socket, with what their libzmq does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/byte_queue.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"

namespace zerogate::simulation {

class ZmqClient {
 public:
  ZmqClient(World& the_world, Network& the_network, Ledger& the_ledger, std::string address,
            std::string gateway, Wire wire);
  ~ZmqClient();
  ZmqClient(const ZmqClient&) = delete;
  ZmqClient& operator=(const ZmqClient&) = delete;

  void connect();
  void call(Function function, size_t bytes);
  /// Both sides have greeted each other.
  bool connected() const { return phase_ == Phase::open; }
  bool may_call() const { return connected(); }
  size_t waiting() const { return open_.size(); }
  /// As TcpClient's.
  uint64_t left_unanswered = 0;
  bool may_be_closed = false;

  // What a seed does to it.
  void disconnect();
  void vanish();
  void pause();
  void send_garbage();

 private:
  enum class Phase { none, greeting, handshake, open };

  void attach(SocketPtr socket);
  void drop();
  void pump();
  void read();
  bool parse_one();
  /// Returns where its bytes end among all of the connection.
  uint64_t send(const std::string& body);
  void take(const std::string& body);
  void count_unanswered();

  World& world_;
  Network& network_;
  Ledger& ledger_;
  const std::string address_;
  const std::string gateway_;
  const Wire wire_;
  SocketPtr socket_;
  Phase phase_ = Phase::none;
  bool paused_ = false;
  std::string in_;
  ByteQueue out_;
  uint64_t attempt_ = 0;
  uint32_t next_id_ = 0;
  std::map<std::string, SentCall> open_;  ///< by id
  uint64_t written_ = 0;                  ///< bytes
  std::vector<std::string> garbage_;      ///< that it has sent
};

}  // namespace zerogate::simulation
