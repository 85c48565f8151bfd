// Lets a ZeroMQ socket live in a libuv loop.
#pragma once

#include <uv.h>

#include <memory>

#include "core/io/uv_ptr.h"

namespace zerogate {

/// Takes messages off a socket.
class ZmqReader {
 public:
  /// Receives until there is nothing left (true) or a budget is used up (false: call me again).
  virtual bool receive() = 0;

 protected:
  ~ZmqReader() = default;
};

/// Polls the socket's ZMQ_FD. That descriptor is edge-triggered: it reports a change once, and any
/// send or receive may consume the report (libzmq's manual, ZMQ_FD). So a class that has sent on
/// the socket calls recheck() at the end of the turn. When messages wait, or a budget ended first,
/// an idle handle keeps the loop from sleeping until they have been read; a turn uses up one budget
/// at most. Loop thread only.
class ZmqPoll {
 public:
  /// Null when the system has no room for it. Both outlive the poll.
  static std::unique_ptr<ZmqPoll> make(uv_loop_t* loop, void* socket, ZmqReader& reader);
  ZmqPoll(const ZmqPoll&) = delete;
  ZmqPoll& operator=(const ZmqPoll&) = delete;

  void recheck();
  /// Whether a message can be received now.
  bool has_input() const;

 private:
  ZmqPoll(uv_loop_t* loop, void* socket, ZmqReader& reader)
      : socket_(socket), reader_(reader), again_(make_uv<uv_idle_t>(loop, uv_idle_init, this)) {}
  bool start(uv_loop_t* loop);
  bool read();
  void read_again();

  void* const socket_;
  ZmqReader& reader_;
  UvPtr<uv_poll_t> poll_;
  UvPtr<uv_idle_t> again_;
  bool spent_ = false;  ///< the budget of this turn was used up
};

}  // namespace zerogate
