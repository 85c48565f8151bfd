// Who calls the raw-TCP port: honest clients, and strangers that send what the input says.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "tests/fuzz/session/calls.h"
#include "tests/simulation/network.h"

namespace zerogate::fuzz {

inline constexpr const char* kGatewayTcp = "10.9.0.1:5561";

/// A client of the raw-TCP port, which reads as fast as answers come.
class TcpCaller {
 public:
  TcpCaller(HonestCalls& calls, std::string address)
      : calls_(calls), address_(std::move(address)) {}
  ~TcpCaller() { hang_up(); }
  TcpCaller(const TcpCaller&) = delete;
  TcpCaller& operator=(const TcpCaller&) = delete;

  void connect();
  /// Calls if it is connected, and connects otherwise.
  void call(Function function);
  /// What it has asked is nobody's from now on: while it waits for answers it resets the
  /// connection.
  void hang_up();
  bool connected() const { return socket_ != nullptr; }
  /// Its calls that have no answer.
  size_t waiting() const { return open_.size(); }
  /// Connections that the gateway has ended.
  uint64_t ended_by_gateway() const { return ended_by_gateway_; }

 private:
  void read();
  bool take_one();
  void pump();

  HonestCalls& calls_;
  const std::string address_;
  simulation::SocketPtr socket_;
  uint64_t attempt_ = 0;  ///< to connect; older ones are forgotten
  bool connecting_ = false;
  uint32_t next_id_ = 1;
  std::string in_, out_;
  std::map<uint32_t, uint32_t> open_;  ///< id to number
  uint64_t ended_by_gateway_ = 0;
};

/// Counts the frames in a stream, whatever they carry.
class FrameCounter {
 public:
  void add(ByteView bytes);
  uint64_t begun() const { return begun_; }
  uint64_t whole() const { return begun_ - static_cast<uint64_t>(left_ != 0); }

 private:
  std::string head_;
  uint64_t left_ = 0;  ///< of the frame that is not whole
  uint64_t begun_ = 0;
};

/// Sends any bytes to the raw-TCP port. It may get a reply for each frame, not more.
class TcpStranger {
 public:
  explicit TcpStranger(std::string address) : address_(std::move(address)) {}
  ~TcpStranger() { hang_up(); }
  TcpStranger(const TcpStranger&) = delete;
  TcpStranger& operator=(const TcpStranger&) = delete;

  /// Instead of the connection that there is.
  void connect();
  void send(ByteView bytes, bool one_by_one = false);
  /// A frame with this payload.
  void send_frame(ByteView payload);
  /// The head of a frame of `size` bytes, and the first `there` of it.
  void send_filler(size_t size, size_t there);
  void half_close();
  void hang_up();
  void reset();
  void set_reading(bool reading);

 private:
  void read();
  void pump();

  const std::string address_;
  simulation::SocketPtr socket_;
  uint64_t attempt_ = 0;
  bool reading_ = true;
  bool one_by_one_ = false;  ///< `out_`
  bool pumping_ = false;
  bool ending_ = false;  ///< once `out_` is written
  uint32_t next_id_ = 0;
  std::string out_;
  FrameCounter sent_, received_;
};

}  // namespace zerogate::fuzz
