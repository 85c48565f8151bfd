// A bound and listening socket, made in one place for both transports: one spelling of every
// error, Unix sockets included.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/listener/accept_balancer.h"

namespace zerogate {

class ListenSocket {
 public:
  /// Connections the kernel completes before we accept them. Kept small because libzmq accepts
  /// what is queued even when we have paused it (see AcceptGate).
  static constexpr int kBacklog = 512;

  /// Binds and listens; non-blocking, close-on-exec. With `reuse_port` several sockets share the
  /// port (one per worker) and the kernel spreads connections over them. A Unix socket's stale
  /// file is replaced; one that somebody answers on is not. The error's one line says what would
  /// fix it.
  static Result<ListenSocket> open(const Address& address, bool reuse_port);

  /// One socket for each of `count` workers: on one port, with a balancer between them when there
  /// are several. Of a Unix socket there is one, which all share. A port that another process holds
  /// is an error, though it might let us share it.
  static Result<std::vector<ListenSocket>> open_group(const Address& address, uint32_t count);

  ListenSocket(ListenSocket&&) = default;
  ListenSocket& operator=(ListenSocket&&) = delete;  // would leave the old one's file behind
  /// Removes the file of a Unix socket that open() made.
  ~ListenSocket();

  int fd() const { return fd_.get(); }
  /// Hands out a duplicate that shares the socket; owned by the caller, who closes it.
  int duplicate() const;
  /// What it is bound to; the port is the real one when 0 was asked for.
  const Address& bound() const { return bound_; }
  /// Whoever accepts on it tells its number of connections here.
  const ReuseportMember& member() const { return member_; }

 private:
  ListenSocket(UniqueFd fd, Address bound, std::string file)
      : fd_(std::move(fd)), bound_(std::move(bound)), file_(std::move(file)) {}

  UniqueFd fd_;
  Address bound_;
  ReuseportMember member_;
  std::string file_;  ///< of the Unix socket, empty otherwise
};

}  // namespace zerogate
