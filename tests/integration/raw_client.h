// A client of a few lines on a stream socket, for tests that decide about every byte.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/base/unique_fd.h"

namespace zerogate::testing {

/// A reply of the raw-TCP protocol (T3).
struct TcpReply {
  uint32_t id = 0;
  bool error = false;
  std::string body;
};

/// A non-blocking connection: the tests that use it run the server's loop on the same thread.
class RawClient {
 public:
  /// Connects at once: the kernel completes it, whoever accepts. Throws std::runtime_error when
  /// nobody listens. `receive_buffer` bytes for what is unread, 0 for the system's default.
  explicit RawClient(const Address& address, int receive_buffer = 0);

  /// Sends as much as the kernel takes and removes it from the front of `bytes`.
  void send(ByteView& bytes);
  /// Sends all of it; the caller knows that it fits into the socket's buffer.
  void send_all(ByteView bytes);
  /// Reads what is there, up to this many bytes, in as many calls as it takes.
  void receive(size_t at_most = SIZE_MAX);
  /// Reads once.
  void receive_once(size_t at_most);

  const std::string& received() const { return received_; }
  /// Takes the whole replies off the front of what was received.
  std::vector<TcpReply> take_replies();
  /// The server has closed, or reset, the connection and everything before that has been read.
  bool ended() const { return ended_; }
  bool was_reset() const { return was_reset_; }

  void half_close();  ///< FIN: no more requests
  void reset();       ///< RST: gone, and the server hears of it
  void close() { fd_.reset(); }

  int fd() const { return fd_.get(); }
  /// Segments with data that have come so far (TCP only): how often the server wrote.
  uint32_t data_segments() const;

 private:
  UniqueFd fd_;
  std::string received_;
  bool ended_ = false;
  bool was_reset_ = false;
};

}  // namespace zerogate::testing
