// TCP sockets of the loopback interface, on ports of the kernel's choice.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <utility>

#include "core/base/unique_fd.h"

namespace zerogate::testing {

/// A connection waits to be accepted on this socket.
inline bool has_newcomer(int listening_fd) {
  pollfd poll{listening_fd, POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}

/// Bound, and listens only when it is told to: until then whoever connects is refused.
class LoopbackPort {
 public:
  LoopbackPort() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(bind(fd_.get(), generic(), size), 0);
    getsockname(fd_.get(), generic(), &size);
  }
  int fd() const { return fd_.get(); }
  uint16_t number() const { return ntohs(address_.sin_port); }

  /// Both ends of a new connection.
  struct Pair {
    UniqueFd accepted;
    UniqueFd connected;
  };
  /// `receive_buffer`: bytes for which the one who connects has room, about; 0: as many as usual.
  Pair connect_both(int receive_buffer = 0) {
    EXPECT_EQ(listen(fd_.get(), 1), 0);
    UniqueFd connected(socket(AF_INET, SOCK_STREAM, 0));
    if (receive_buffer != 0) {
      setsockopt(connected.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    EXPECT_EQ(connect(connected.get(), generic(), sizeof address_), 0);
    return {UniqueFd(accept(fd_.get(), nullptr, nullptr)), std::move(connected)};
  }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }

  UniqueFd fd_;
  sockaddr_in address_{};
};

}  // namespace zerogate::testing
