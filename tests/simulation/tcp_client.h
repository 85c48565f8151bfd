// A client of the gateway's raw-TCP port, as the simulation has them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "tests/simulation/byte_queue.h"
#include "tests/simulation/channel.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"

namespace zerogate::simulation {

/// Connects, calls, reads and reconnects, and does to its connection what the seed wants. Its calls
/// on a connection that was broken are nobody's any more: they may be answered or not.
class TcpClient {
 public:
  struct Manners {
    Wire wire = Wire::t3;
    uint32_t dribbles_one_in = 0;  ///< requests that leave byte by byte
    uint32_t pauses_one_in = 0;    ///< answers after which it does not read for a while
    SSL_CTX* tls = nullptr;        ///< null: plain
    std::string name{};            ///< who calls, as its certificate says; empty: its address
  };

  /// Calls under way over T1. Its real clients have one.
  static constexpr size_t kMostInOrder = 4;

  TcpClient(World& the_world, Network& the_network, Ledger& the_ledger, std::string address,
            std::string gateway, Manners manners);
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  void connect();
  /// Only when it may_call().
  void call(Function function, size_t bytes);
  bool may_call() const { return connected_ && !ended_ && order_.size() < kMostInOrder; }
  bool connected() const { return connected_; }
  /// Its calls that have no answer and can still get one.
  size_t waiting() const { return waiting_; }

  // What a seed does to it.
  void reset();
  void half_close();
  void vanish();
  void send_garbage();
  /// A long frame's beginning, and no more.
  void send_beginning();
  /// From now on it reads as fast as answers come.
  void heal() { manners_.pauses_one_in = 0; }
  /// The gateway has begun to leave: it may close connections.
  bool may_be_closed = false;
  /// Connections that the gateway has ended though nothing was wrong with them.
  uint64_t ended_by_gateway = 0;
  /// Calls of it that the gateway had read as a whole when it left, and did not answer.
  uint64_t left_unanswered = 0;
  /// Its connection has done nothing that a server may end it for.
  bool honest() const { return honest_; }

 private:
  void attach(SocketPtr socket);
  void drop();
  std::string garbage();
  void send_ill(const std::string& bytes);
  void pump();
  void dribble();
  void read();
  void parse();
  bool parse_one();
  void count_unanswered();
  void take(uint32_t number, ByteView payload);

  World& world_;
  Network& network_;
  Ledger& ledger_;
  const std::string address_;
  const std::string gateway_;
  Manners manners_;
  std::shared_ptr<Channel> channel_;
  uint64_t attempt_ = 0;  ///< to connect; older ones are forgotten
  bool connected_ = false;
  bool honest_ = true;
  bool ended_ = false;
  bool paused_ = false;
  bool dribbling_ = false;
  uint32_t next_id_ = 0;
  ByteQueue out_;
  ByteQueue in_;
  std::map<uint32_t, SentCall> open_;  ///< by id
  std::deque<SentCall> order_;         ///< T1 has no ids
  uint64_t queued_ = 0;                ///< bytes of the connection
  size_t waiting_ = 0;
};

}  // namespace zerogate::simulation
