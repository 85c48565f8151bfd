// One connection to a server over a real socket, without a backend around it.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/bridge/request_memory.h"
#include "core/bridge/socket_connection_maker.h"
#include "core/io/event_loop.h"
#include "core/io/frame_reader.h"
#include "core/io/zmq_socket.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate::testing {

class SocketConnectionTest : public CallTest, private BackendConnection::Owner {
 protected:
  SocketConnectionTest() {
    options_.backend = "b";
    options_.read_buffer = read_buffer_.data();
    options_.requests = &requests_;
    patience_.start(20'000);
  }

  void connect(Protocol protocol, const Address& address) {
    connection_ = maker_.make(protocol, address, options_, *this);
  }
  /// It leaves with the next flush.
  void send(ForwardedCall& forwarded, Wire wire = Wire::t3) {
    forwarded.call = begin("0001", wire);
    forwarded.request = "f\xc0";
    forwarded.function_bytes = 1;
    connection_->send(forwarded);
  }
  /// It comes true by an event of the loop.
  void run_until(const std::function<bool()>& condition) { run(condition, UV_RUN_ONCE); }
  /// It may come true without one: a thread of libzmq's has done it.
  void poll_until(const std::function<bool()>& condition) { run(condition, UV_RUN_NOWAIT); }

  std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
  EventLoop loop_;
  Timer patience_{loop_.timers(), [] {}};
  ZmqContext zmq_{zmq_ctx_new()};
  SocketConnectionMaker maker_{loop_, zmq_.get()};
  RequestMemory all_requests_;
  RequestShare requests_{all_requests_};
  BackendConnectionOptions options_;
  std::unique_ptr<BackendConnection> connection_;
  int late_ = 0;                    ///< replies to calls that were given up
  std::vector<std::string> downs_;  ///< why it is down

 private:
  void run(const std::function<bool()>& condition, uv_run_mode mode) {
    while (!condition()) {
      ASSERT_TRUE(patience_.active()) << "it takes for ever";
      uv_run(loop_.uv(), mode);
    }
  }
  void on_up(BackendConnection&) override {}
  void on_reply(BackendConnection&, ForwardedCall& forwarded, ByteView body) override {
    std::move(forwarded.call).reply(body);
  }
  void on_late_reply(BackendConnection&) override { ++late_; }
  void on_down(BackendConnection&, std::string_view reason) override {
    downs_.emplace_back(reason);
  }
};

}  // namespace zerogate::testing
