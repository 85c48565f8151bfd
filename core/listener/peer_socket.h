// A client's connection, of which another class or a library owns the descriptor.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/io/socket_memory.h"

namespace zerogate {

/// A socket by its descriptor and what the kernel calls it: its owner may have closed it, and the
/// descriptor may be another's by now. Any thread.
class PeerSocket {
 public:
  PeerSocket() = default;  ///< none
  explicit PeerSocket(int fd);

  /// Bytes that its peer has sent in all; nothing when it is no TCP connection, or has gone.
  std::optional<uint64_t> received() const;
  /// The same of bytes that were sent to its peer, whose kernel has them.
  std::optional<uint64_t> acknowledged() const;
  /// Bytes that its owner has written. Nothing before Linux 4.19, either.
  std::optional<uint64_t> written() const;
  /// Bytes that its peer's kernel has room for. Nothing before Linux 5.4, either.
  std::optional<uint32_t> window() const;
  /// How its peer has ended it. The loop does not hear of that while it does not read.
  enum class End : uint8_t {
    none,
    in_order,  ///< it sends no more; it may still read
    broken,
  };
  End ended() const;
  /// What the kernel keeps of it.
  SocketMemory memory() const;
  /// Bytes that have come and were not read yet.
  size_t unread() const;
  /// Ends it in both directions: its owner hears of that as of an end by the peer. False when it
  /// has gone. Between the look and the call lie microseconds, in which another could take its
  /// place.
  bool end() const;

 private:
  bool same() const;

  int fd_ = -1;
  ino_t inode_ = 0;
};

}  // namespace zerogate
