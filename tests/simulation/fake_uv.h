// Where the simulation looks into the loop.
#pragma once

#include <functional>

namespace zerogate::simulation {

struct LoopHooks {
  std::function<void()> before_callback = [] {};  ///< time may pass here: a long turn
  std::function<void()> after_turn = [] {};       ///< everything of the turn is done and written
  /// A descriptor that is none of the network's: a ZeroMQ socket's.
  std::function<bool(int fd)> readable = [](int) { return false; };
};
extern LoopHooks loop_hooks;

}  // namespace zerogate::simulation
