// Connections that are closed for everyone but the kernel, which has replies that the peer has yet
// to take.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/io/socket_memory.h"
#include "core/io/timer.h"
#include "core/listener/socket_hoards.h"

namespace zerogate {

/// A socket that is closed with unsent replies still costs kernel memory, for half a minute when
/// its peer does not read, and no process is told of it: clients that ask and then break the
/// protocol could so take all that a container has. Here such a socket stays open, and counts,
/// until its peer has taken everything. Loop thread only.
class LingeringSockets {
 public:
  static constexpr uint64_t kLookMs = 20;
  /// For so long the peer has time.
  static constexpr uint64_t kLongestMs = 30'000;
  /// Descriptors that they may have: with one more the one that came first is thrown away.
  static constexpr size_t kMost = 256;

  /// `refused` is told of each that is thrown away, while its socket is still there.
  LingeringSockets(TimerQueue& timers, std::function<void(int fd)> refused)
      : clock_(timers.clock()), timer_(timers, [this] { look(); }), refused_(std::move(refused)) {}

  /// Of a connected socket that is about to be closed: keeps it when something is left to be taken,
  /// and ends what is sent.
  void keep(int fd);
  size_t size() const { return sockets_.size(); }
  /// Appends them.
  void list(std::vector<SocketHoard>& hoards) const;
  /// This one, which list() has told of, is closed, and what is left of it thrown away.
  void throw_away(int fd);

 private:
  struct Socket {
    UniqueFd fd;
    uint64_t since_ms;
  };
  /// Closes those that are done.
  void look();
  void throw_away(const Socket& socket) const;

  const Clock& clock_;
  Timer timer_;
  std::function<void(int)> refused_;
  std::vector<Socket> sockets_;  ///< as they came
};

}  // namespace zerogate
