// A ZeroMQ service behind the gateway, as the simulation has them.
#pragma once

#include <list>
#include <string>

#include "tests/simulation/ledger.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::simulation {

class ZmqServer {
 public:
  struct Faults {
    uint32_t twice_one_in = 0;
    uint32_t wrong_id_one_in = 0;
    uint32_t garbage_one_in = 0;
    uint32_t never_one_in = 0;
    uint32_t error_one_in = 0;
    bool silent = false;
    uint64_t service_least = 50 * kUs;
    uint64_t service_most = 2 * kMs;
  };

  ZmqServer(World& the_world, Network& the_network, Ledger& the_ledger, std::string address);
  ~ZmqServer() { stop(); }
  ZmqServer(const ZmqServer&) = delete;
  ZmqServer& operator=(const ZmqServer&) = delete;

  void start();
  void stop();
  void reset_one();
  void vanish_one();
  void heal();
  bool listening() const { return listening_; }
  const std::string& address() const { return address_; }

  Faults faults;

 private:
  void accept(const ZmqLinkPtr& link);
  void take(const ZmqLinkPtr& link, const std::string& body);
  void answer(const ZmqLinkPtr& link, std::string id, const std::string& result);

  World& world_;
  Network& network_;
  Ledger& ledger_;
  const std::string address_;
  bool listening_ = false;
  std::list<ZmqLinkPtr> links_;
};

}  // namespace zerogate::simulation
