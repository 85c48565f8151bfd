// A client of the gateway's ZeroMQ port, as the simulation has them: those of W3, W4 and W5, which
// have several calls under way on one socket.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/ledger.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::simulation {

class ZmqClient {
 public:
  ZmqClient(World& the_world, Ledger& the_ledger, std::string address, std::string gateway,
            Wire wire);
  ~ZmqClient();
  ZmqClient(const ZmqClient&) = delete;
  ZmqClient& operator=(const ZmqClient&) = delete;

  void connect();
  void call(Function function, size_t bytes);
  bool connected() const { return link_ != nullptr && link_->alive(); }
  size_t waiting() const { return open_.size(); }

  // What a seed does to it.
  void disconnect();
  void vanish();
  void pause();
  void send_garbage();

 private:
  void take(const std::string& body);

  World& world_;
  Ledger& ledger_;
  const std::string address_;
  const std::string gateway_;
  const Wire wire_;
  ZmqLinkPtr link_;
  uint64_t attempt_ = 0;
  uint32_t next_id_ = 0;
  std::map<std::string, uint32_t> open_;  ///< id to number
  std::vector<std::string> garbage_;      ///< that it has sent
};

}  // namespace zerogate::simulation
