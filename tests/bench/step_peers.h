// Clients, backends and a Redis that take one step at a time, on the thread of the worker they talk
// to: nothing happens between two steps, so that a run can be repeated to the instruction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/unique_fd.h"

namespace zerogate::bench {

/// One end of a Unix socket: its peer can read what it wrote as soon as it has written it.
/// Fails by ending the program with a line: whoever counts instructions has no use for half a run.
class StepSocket {
 public:
  static StepSocket connect(const std::string& path);
  explicit StepSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  void write(ByteView bytes);
  /// Waits until at least `size` bytes are there (10 s at most).
  void wait_for(size_t size);
  /// Takes what is there by now; false when the peer has closed.
  bool take_available();

  std::string in;  ///< what has come and was not used yet

 private:
  bool take(int flags);
  UniqueFd fd_;
};

class StepListener {
 public:
  explicit StepListener(const std::string& path);
  /// Null when nobody waits.
  UniqueFd accept();

 private:
  UniqueFd fd_;
};

/// A raw-TCP client (T3) that asks the same thing `depth` times per round.
class TcpStepClient {
 public:
  TcpStepClient(const std::string& path, uint32_t depth, ByteView function, ByteView argument);
  void send() { socket_.write(round_); }
  /// Waits for the round's replies, which may be no errors.
  void receive();

 private:
  StepSocket socket_;
  uint32_t depth_;
  std::string round_;
};

/// The socket types of ZMTP that are played here.
inline constexpr const char* kDealer = "DEALER";
inline constexpr const char* kRouter = "ROUTER";

/// ZMTP 3.1 spoken by hand (rfc.zeromq.org/spec/23 and 37), NULL mechanism. libzmq on this side
/// would move the bytes when it pleased; here a barrier tells when the other side has them.
class ZmtpPeer {
 public:
  ZmtpPeer(StepSocket socket, const char* socket_type);

  /// Sends its greeting and READY, and takes the other side's.
  void greet();
  void take_greeting();
  /// Appends a message of one frame to what write() sends.
  static void append_message(std::string& out, ByteView body);
  void write(ByteView bytes) { socket_.write(bytes); }
  /// Returns when the other side's I/O thread has handed over everything written so far.
  void barrier();
  /// Waits for the next message.
  std::string receive();

 private:
  struct Frame {
    bool command = false;
    ByteView body;  ///< in socket_.in, until drop()
    size_t size = 0;
  };
  Frame next_frame();
  void ping();

  StepSocket socket_;
  const char* socket_type_;
  std::vector<std::string> early_;  ///< messages that came before a PONG
};

/// A ZeroMQ client (W5), as TcpStepClient.
class ZmqStepClient {
 public:
  ZmqStepClient(const std::string& path, uint32_t depth, ByteView function, ByteView argument);
  /// Sends what begins a connection. The gateway's answer is there after some turns: take it then.
  void connect() { peer_.greet(); }
  void take_greeting() { peer_.take_greeting(); }
  void send() { peer_.write(round_); }
  void receive();

 private:
  ZmtpPeer peer_;
  uint32_t depth_;
  std::string round_;
};

/// A raw-TCP backend that answers every request with "hello world".
class TcpStepBackend {
 public:
  explicit TcpStepBackend(const std::string& path) : listener_(path) {}
  /// Answers what has come.
  void step();

 private:
  StepListener listener_;
  std::vector<StepSocket> connections_;
  std::string out_;
};

/// A ZeroMQ backend that does so; it serves one connection.
class ZmqStepBackend {
 public:
  explicit ZmqStepBackend(const std::string& path) : listener_(path) {}
  /// Waits for the connection and answers `connect`.
  void accept();
  /// Waits for `count` requests and answers them.
  void step(uint32_t count);

 private:
  StepListener listener_;
  std::vector<ZmtpPeer> connection_;  ///< none or one
  std::string out_;
};

/// A Redis that answers PING, and everything else with OK.
class RedisStepServer {
 public:
  explicit RedisStepServer(const std::string& path) : listener_(path) {}
  void step();

 private:
  StepListener listener_;
  std::vector<StepSocket> connections_;
  std::string out_;
};

}  // namespace zerogate::bench
