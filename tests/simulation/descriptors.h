// The descriptors that the simulated system has given to the gateway.
#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/network.h"

namespace zerogate::simulation {

class ZmqLink;

/// A descriptor is a connection, one of libzmq's, a listening socket (any number of descriptors
/// share one), or a ZeroMQ socket's signal, which needs no more than its number.
class Descriptors {
 public:
  /// The numbers begin here, so that they never meet a real one.
  static constexpr int kFirst = 1 << 20;

  struct Entry {
    bool open = false;
    SocketPtr socket = nullptr;
    std::shared_ptr<Listening> listening = nullptr;
    std::string address = {};  ///< of listening
    std::shared_ptr<ZmqLink> link = nullptr;
  };

  /// How many there may be at a time (RLIMIT_NOFILE).
  size_t limit = 1'000'000;

  static bool is_ours(int fd) { return fd >= kFirst; }
  /// -EMFILE when there are too many.
  int open(Entry entry);
  Entry* find(int fd);
  void close(int fd);
  size_t count() const { return open_; }

 private:
  std::vector<Entry> entries_;
  size_t open_ = 0;
};

Descriptors& descriptors();
void set_descriptors(Descriptors* descriptors);

}  // namespace zerogate::simulation
