// A Redis as the simulation has them. Several may share what they store, as a primary and the
// replica that takes its place.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/network.h"

namespace zerogate::simulation {

using RedisStore = std::map<std::string, std::string>;

class RedisServer {
 public:
  struct Faults {
    bool loading = false;
    bool read_only = false;
    uint32_t close_one_in = 0;    ///< commands after which the connection ends without a reply
    uint32_t garbage_one_in = 0;  ///< replies that are none
    uint32_t error_one_in = 0;
    uint64_t service_least = 20 * kUs;
    uint64_t service_most = kMs;
  };

  RedisServer(World& the_world, Network& the_network, RedisStore& store, std::string address);
  ~RedisServer() { stop(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();
  void stop();
  void reset_all();
  /// Stands still: what comes meanwhile is read afterwards, in its order.
  void set_still(bool still);
  bool still() const { return still_; }

  Faults faults;

 private:
  struct Connection {
    SocketPtr socket;
    std::string in;
    std::string out;
    uint64_t free_at = 0;  ///< replies come in the order of the commands
    bool ended = false;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  void accept(const SocketPtr& socket);
  void read(const ConnectionPtr& connection);
  bool take_one(const ConnectionPtr& connection);
  std::string reply_to(const std::vector<std::string>& words);
  void pump(const ConnectionPtr& connection);
  void end(const ConnectionPtr& connection);

  World& world_;
  Network& network_;
  RedisStore& store_;
  const std::string address_;
  bool listening_ = false;
  bool still_ = false;
  std::list<ConnectionPtr> connections_;
};

}  // namespace zerogate::simulation
