// Stops new connections to a listening TCP socket that somebody else accepts on.
#pragma once

namespace zerogate {

/// libzmq has no limit for connections, cannot pause its listener, and spins when descriptors run
/// out (4.3.4, EMFILE). So the kernel holds newcomers back: a socket filter that drops every packet
/// of the *listening* socket leaves accepted connections alone, and clients outside go on asking
/// with SYNs until the gate opens again. Works for TCP; a Unix socket has no such filter (who may
/// connect there is up to the file's permissions). Any thread.
class AcceptGate {
 public:
  /// `listening_fd` is not owned and outlives the gate; any duplicate of the socket will do.
  explicit AcceptGate(int listening_fd) : fd_(listening_fd) {}

  bool closed() const { return closed_; }
  void close();
  void open();

 private:
  int fd_;
  bool closed_ = false;
};

}  // namespace zerogate
