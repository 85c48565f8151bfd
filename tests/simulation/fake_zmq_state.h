// The inside of the simulation's libzmq.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "tests/simulation/zmq_bus.h"

namespace zerogate::simulation {

struct ZmqSocketState {
  int type = 0;
  int fd = -1;  ///< its signal
  bool signaled = false;
  int use_fd = -1;  ///< ZMQ_USE_FD: a duplicate of the listening socket
  int linger = -1;
  size_t send_limit = 1'000;
  std::vector<ZmqLinkPtr> links;
  size_t turn = 0;                  ///< of links, whose next
  std::deque<ZmqFramePtr> reading;  ///< the rest of a message that is being received
  ZmqMessageFrames writing;
  ZmqLinkPtr addressee;                ///< of a ROUTER's message that is being sent
  std::string monitor;                 ///< the endpoint of its events
  int monitored = 0;                   ///< which of them
  ZmqSocketState* listener = nullptr;  ///< of its events: a PAIR

  void process_commands();
  bool has_input();
  void tell(int event, int value);
};

}  // namespace zerogate::simulation
