// Who calls the plain ZeroMQ port: honest clients, and strangers that send what the input says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "tests/fuzz/session/calls.h"
#include "tests/simulation/network.h"

namespace zerogate::fuzz {

inline constexpr const char* kGatewayZmq = "10.9.0.1:5559";

/// A client's end of ZMTP, as a DEALER of libzmq has it.
class ZmtpEnd {
 public:
  struct Hooks {
    std::function<void(const std::string& body)> message;
    std::function<void()> gone;  ///< the gateway has closed, or there was no way to it
  };

  ZmtpEnd(std::string address, Hooks hooks)
      : address_(std::move(address)), hooks_(std::move(hooks)) {}
  ~ZmtpEnd() { close(); }
  ZmtpEnd(const ZmtpEnd&) = delete;
  ZmtpEnd& operator=(const ZmtpEnd&) = delete;

  /// Instead of the connection that there is. One that is not `polite` says nothing by itself, and
  /// may say anything.
  void connect(bool polite);
  void close();
  bool connecting() const { return connecting_; }
  bool connected() const { return socket_ != nullptr; }
  /// Both sides have said what they are.
  bool open() const { return phase_ == Phase::open; }
  void send(const std::vector<std::string>& frames);
  void send_bytes(ByteView bytes);
  void set_reading(bool reading);

 private:
  enum class Phase { greeting, handshake, open };

  void pump();
  void read();
  bool take_one();
  bool take_greeting();

  const std::string address_;
  const Hooks hooks_;
  simulation::SocketPtr socket_;
  uint64_t attempt_ = 0;
  bool connecting_ = false;
  bool reading_ = true;
  Phase phase_ = Phase::greeting;  ///< of what the gateway has said
  std::string in_, out_;
};

/// A client of the ZeroMQ port, which reads as fast as answers come.
class ZmqCaller {
 public:
  ZmqCaller(HonestCalls& calls, std::string address);

  void connect();
  /// Calls if it is connected, and connects otherwise.
  void call(Function function);
  void hang_up();
  bool connected() const { return end_.open(); }
  size_t waiting() const { return open_.size(); }

 private:
  void take(const std::string& body);

  HonestCalls& calls_;
  uint32_t next_id_ = 1;
  std::map<std::string, uint32_t> open_;
  ZmtpEnd end_;
};

/// Sends any messages, or any bytes, to the ZeroMQ port. It may get a reply for each, not more.
class ZmqStranger {
 public:
  explicit ZmqStranger(std::string address);

  void connect() { come(true); }
  /// Without a handshake: that is for send_bytes().
  void connect_bare() { come(false); }
  void send(const std::vector<std::string>& frames);
  void send_bytes(ByteView bytes);
  void turn_pause();
  void hang_up();

 private:
  void come(bool polite);
  void take(const std::string& body);

  bool paused_ = false;
  uint64_t sent_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t received_ = 0;
  ZmtpEnd end_;
};

}  // namespace zerogate::fuzz
