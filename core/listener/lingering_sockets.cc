#include "core/listener/lingering_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace zerogate {

void LingeringSockets::keep(int fd) {
  if (socket_memory(fd).sent == 0) {
    return;
  }
  UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) {
    return refused_(fd), reset_at_close(fd);
  }
  shutdown(own.get(), SHUT_WR);
  sockets_.push_back({std::move(own), clock_.now_ms()});
  if (sockets_.size() > kMost) {
    look();
  }
  if (sockets_.size() > kMost) {
    throw_away(sockets_.front());
    sockets_.erase(sockets_.begin());
  }
  if (!timer_.active()) {
    timer_.start(kLookMs);
  }
}

// The kernel itself gives up a peer that is silent, or takes nothing, for as long: see
// watch_peer().
void LingeringSockets::look() {
  const uint64_t now_ms = clock_.now_ms();
  std::erase_if(sockets_, [&](const Socket& socket) {
    if (socket_memory(socket.fd.get()).sent == 0) {
      return true;
    }
    if (now_ms - socket.since_ms < kLongestMs) {
      return false;
    }
    throw_away(socket);
    return true;
  });
  if (!sockets_.empty()) {
    timer_.start(kLookMs);
  }
}

void LingeringSockets::list(std::vector<SocketHoard>& hoards) const {
  for (const Socket& socket : sockets_) {
    hoards.push_back({.memory = socket_memory(socket.fd.get()), .fd = socket.fd.get()});
  }
}

void LingeringSockets::throw_away(int fd) {
  const auto found =
      std::ranges::find_if(sockets_, [fd](const Socket& socket) { return socket.fd.get() == fd; });
  throw_away(*found);
  sockets_.erase(found);
}

void LingeringSockets::throw_away(const Socket& socket) const {
  refused_(socket.fd.get());
  reset_at_close(socket.fd.get());
}

}  // namespace zerogate
