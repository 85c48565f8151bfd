// A port of a worker, as the worker sees it: whatever is spoken there.
#pragma once

#include "core/base/result.h"
#include "core/listener/listen_socket.h"

namespace zerogate {

/// Brings the calls of its connections to a Dispatcher, and their answers back. Loop thread only.
/// It outlives the calls that came through it; its end is that of its connections.
class Listener {
 public:
  virtual ~Listener() = default;

  /// Starts to accept on a duplicate of the socket. Once.
  virtual Status listen(const ListenSocket& socket) = 0;
  /// Accepts no more; the connections there are stay.
  virtual void stop_accepting() = 0;
  /// True when no reply waits here to be written.
  virtual bool flushed() const = 0;
  /// Before its end: every call has been answered. Lets the last replies go.
  virtual void finish() = 0;
};

}  // namespace zerogate
