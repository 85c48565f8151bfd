// A bound and listening socket, made in one place for all listeners, so that each error has one
// wording.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/listener/accept_balancer.h"

namespace zerogate {

/// Who may connect to a Unix socket: who may write its file.
struct SocketRights {
  std::optional<uint32_t> mode = {};  ///< permission bits; nothing: what the umask leaves of 0777
  std::string group = {};             ///< name or number; empty: the process' own
};

/// What a TCP socket that was to be bound to `address` is bound to: with the port that the kernel
/// chose, and the address of a name.
Address bound_address(int fd, Address address);

/// Whether this host knows the group, by name; a number is always good. May ask the network.
bool is_group(const std::string& group);

/// Owned by the main thread, which closes it once no worker accepts any more. Not thread-safe but
/// for member().
class ListenSocket {
 public:
  /// Connections that the kernel completes before they are accepted. Small, because libzmq accepts
  /// the queued ones even when it has been paused (see AcceptGate).
  static constexpr int kBacklog = 512;

  /// Binds and listens; non-blocking, close-on-exec. With `reuse_port` several sockets share the
  /// port (one per worker) and the kernel spreads connections over them. A stale Unix socket's file
  /// is replaced; one on which a process answers is an error. The error's one line says what would
  /// fix it.
  static Result<ListenSocket> open(const Address& address, bool reuse_port);

  /// As open(), of a Unix socket. The rights hold before a client can connect. A stale file is
  /// taken over by one process at a time, which holds a lock of the folder meanwhile.
  static Result<ListenSocket> open_unix(const Address& address, const SocketRights& rights);

  /// One for each of `count` workers, with a balancer between them when there are several. Of a
  /// port each has a socket, of a Unix socket a descriptor. A port that another process holds is an
  /// error, though it might let us share it.
  static Result<std::vector<ListenSocket>> open_group(const Address& address, uint32_t count,
                                                      const SocketRights& rights = {});

  ListenSocket(ListenSocket&&) = default;
  ListenSocket& operator=(ListenSocket&&) = delete;  // would leave the old one's file behind
  /// Removes the file of a Unix socket that open() made, if the path has that file still: another
  /// gateway may have put its own there since.
  ~ListenSocket();

  int fd() const { return fd_.get(); }
  /// Hands out a duplicate that shares the socket; owned by the caller, who closes it.
  int duplicate() const;
  /// Clients begin no more connections; those that they have begun can still be accepted. The
  /// kernel drops SYNs to a TCP port, so a client's connect() takes until the socket is closed and
  /// then fails; a Unix socket's file goes.
  void hold_newcomers();
  /// What it is bound to: the real port when 0 was asked for, the address when a name was.
  const Address& bound() const { return bound_; }
  /// The listener that accepts on this socket tells its number of connections here.
  const AcceptMember& member() const { return member_; }

 private:
  /// Which file a path led to. No other file has the inode while the socket is open.
  struct File {
    dev_t device;
    ino_t inode;
  };

  ListenSocket(UniqueFd fd, Address bound, std::optional<File> file)
      : fd_(std::move(fd)), bound_(std::move(bound)), file_(file) {}
  static Result<std::vector<ListenSocket>> open_unix_group(const Address& address, uint32_t count,
                                                           const SocketRights& rights);
  static void join(std::vector<ListenSocket>& sockets,
                   const std::shared_ptr<AcceptBalancer>& balancer);
  static std::optional<File> file_of(const std::string& path);
  void remove_file();

  UniqueFd fd_;
  Address bound_;
  AcceptMember member_;
  std::optional<File> file_;  ///< of the Unix socket, with the first of its descriptors
};

}  // namespace zerogate
