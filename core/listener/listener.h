// A port of a worker, as the worker sees it: whatever is spoken there.
#pragma once

#include <limits>
#include <vector>

#include "core/base/result.h"
#include "core/listener/client_list.h"
#include "core/listener/listen_socket.h"
#include "core/listener/socket_hoards.h"

namespace zerogate {

/// A client's pace is the part of what it holds that it sends, or reads, in a second. Slower than
/// this, which is 8 MiB in 16 s, it is ended when it holds up others.
inline constexpr double kSlowPace = 1.0 / 16;
inline constexpr double kNoPace = std::numeric_limits<double>::infinity();

/// Brings the calls of its connections to a Dispatcher, and their answers back. Loop thread only.
/// It outlives the calls that came through it; its end is that of its connections.
class Listener {
 public:
  virtual ~Listener() = default;

  /// Starts to accept on the socket, which outlives the accepting. Once.
  virtual Status listen(const ListenSocket& socket) = 0;
  /// Accepts no more; the connections there are stay.
  virtual void stop_accepting() = 0;
  /// The Dispatcher refuses calls from now on. A port that can be closed without harm to its
  /// connections takes those that have been begun and then closes; another goes on to accept, so
  /// that its newcomers are refused, too, instead of left waiting. Idle connections may end.
  virtual void drain() = 0;
  /// True once a drained port has no more need of its socket.
  virtual bool closed() const = 0;
  /// Every call has been answered, and no more are served: the connections are to end in such an
  /// order that no client waits for an answer that was on its way.
  virtual void leave() = 0;
  /// True when there is no connection.
  virtual bool empty() const = 0;
  /// True when no reply waits here to be written.
  virtual bool flushed() const = 0;
  /// Appends its busiest clients, at most ClientList::kMost, and counts the others.
  virtual void list_clients(ClientList& list) = 0;
  /// Bytes of buffers that its client with the most of them holds.
  virtual size_t largest_hoard() = 0;
  /// Ends that client, and counts it. False when it could not.
  virtual bool end_largest() = 0;
  /// Of its slowest client; kNoPace when none has had time to show one. Only where clients' frames
  /// claim memory.
  virtual double slowest_pace() { return kNoPace; }
  /// Ends that client, and counts it.
  virtual void end_slowest() {}
  /// Appends what the kernel keeps of each connection. A system call for each.
  virtual void list_sockets(std::vector<SocketHoard>& hoards) = 0;
  /// Ends the client with this one of them, and counts it.
  virtual void end_socket(const SocketHoard& hoard) = 0;
  /// True while what the kernel keeps of a connection may grow unseen: its client is not read, or
  /// does not read.
  virtual bool hoards_unseen() const = 0;
  /// Before its end: every call has been answered. Lets the last replies go; those that are not
  /// taken at once have until flushed(), or as long as the owner runs the loop on.
  virtual void finish() = 0;
};

}  // namespace zerogate
