// Whether a quiet peer's kernel still takes keep-alive frames.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/listener/peer_socket.h"

namespace zerogate {

/// Frames that fill the window of a peer that does not read would end its connection: to the kernel
/// a peer has vanished that takes nothing for a while (TCP_USER_TIMEOUT). One for each connection.
class KeepAliveWindow {
 public:
  /// So many frames a peer gets without a look at its window, which is a system call, and then as
  /// long as more than this part of it is open.
  static constexpr uint64_t kUnwatched = 256;
  static constexpr uint32_t kPart = 4;

  /// Also where the window is not known: of a Unix socket, and before Linux 5.4.
  bool open(const PeerSocket& socket) {
    const auto window = socket.window();
    widest_ = std::max(widest_, window.value_or(0));
    return !window || *window > widest_ / kPart;
  }

 private:
  uint32_t widest_ = 0;  ///< bytes
};

}  // namespace zerogate
