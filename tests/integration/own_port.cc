#include "tests/integration/own_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

#include "core/base/unique_fd.h"

namespace zerogate::testing {
namespace {

constexpr uint32_t kLeast = 10'000;  // above the services that a machine may have
constexpr uint32_t kEnd = 65'536;
constexpr uint32_t kBlock = 200;  // far more than a process' servers that are down at a time

/// Empty when somebody has the port.
UniqueFd bind_port(int type, uint32_t port) {
  UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = type == SOCK_STREAM ? 1 : 0;  // what is left of old connections is in nobody's way
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fd.reset();
  }
  return fd;
}

/// The first ports of all blocks, or of those that the kernel gives nothing of, if there are some.
std::vector<uint32_t> blocks() {
  uint32_t low = kEnd;
  uint32_t high = kEnd;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low >> high;
  std::vector<uint32_t> all;
  std::vector<uint32_t> outside;
  for (uint32_t first = kLeast; first + kBlock < kEnd; first += kBlock) {
    all.push_back(first);
    if (first + kBlock <= low || first > high) {
      outside.push_back(first);
    }
  }
  return outside.empty() ? all : outside;
}

/// This process' own: the UDP port of its first number is the lock.
class Block {
 public:
  Block() {
    std::vector<uint32_t> firsts = blocks();
    std::shuffle(firsts.begin(), firsts.end(), std::random_device());
    const auto is_free = [this](uint32_t first) {
      return static_cast<bool>(lock_ = bind_port(SOCK_DGRAM, first));
    };
    const auto found = std::ranges::find_if(firsts, is_free);
    if (found == firsts.end()) {
      throw std::runtime_error("no block of ports is free on loopback");
    }
    first_ = *found;
  }
  uint32_t next() { return first_ + next_++ % kBlock; }

 private:
  UniqueFd lock_;
  uint32_t first_ = 0;
  uint32_t next_ = 0;
};

}  // namespace

uint16_t own_port() {
  static Block block;
  for (uint32_t i = 0; i < kBlock; ++i) {
    const uint32_t port = block.next();
    if (bind_port(SOCK_STREAM, port)) {
      return static_cast<uint16_t>(port);
    }
  }
  throw std::runtime_error("no port of the block is free on loopback");
}

}  // namespace zerogate::testing
