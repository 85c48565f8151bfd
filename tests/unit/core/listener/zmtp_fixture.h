// What the tests of ZmtpListener share: peers that speak ZMTP over socket pairs, services, and the
// clock of stream_fixture.h.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/listener/zmtp_listener.h"
#include "core/rpc/service.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/listener/stream_fixture.h"
#include "tests/unit/core/wire/zmtp_bytes.h"

namespace zerogate::testing {

/// "echo" answers at once with its argument; "keep" keeps its calls until the test answers them.
struct ZmtpServices {
  struct Echo final : Service {
    void serve(const Request& request, Call call) override {
      std::move(call).reply(request.argument);
    }
  };
  struct Keep final : Service {
    void serve(const Request& request, Call call) override {
      arguments.emplace_back(request.argument);
      calls.push_back(std::move(call));
    }
    std::vector<std::string> arguments;
    std::deque<Call> calls;
  };
  Echo echo;
  Keep keep;
};

class ZmtpTest : public StreamTest, protected ZmtpBytes {
 protected:
  ZmtpTest() {
    router_.add("echo", services_.echo);
    router_.add("keep", services_.keep);
    zmq_.max_message = options_.max_message;
    zmq_.write_buffer = options_.write_buffer;
  }
  ~ZmtpTest() override { services_.keep.calls.clear(); }

  ZmtpListener& zmtp() {
    if (!zmtp_) {
      zmtp_.emplace(loop_, timers_, dispatcher_, metrics_, zmq_);
    }
    return *zmtp_;
  }
  std::unique_ptr<Peer> connect() {
    auto peer = std::make_unique<Peer>();
    zmtp().adopt(peer->take_other());
    turn();
    return peer;
  }
  /// A peer whose handshake is done.
  std::unique_ptr<Peer> connect_dealer(const std::string& identity = {}) {
    auto peer = connect();
    peer->send(greeting() + ready("DEALER", identity));
    turn();
    EXPECT_EQ(peer->receive(), welcome());
    return peer;
  }

  // What a peer sends.
  static std::string id(char of) { return std::string(wire::w5::kIdBytes, of); }
  static std::string w5(char of, ByteView function, ByteView argument) {
    std::string body;
    wire::w5::write_request(body, id(of), function, argument);
    return frame(body);
  }
  static std::string text(const std::string& of) {
    std::string bytes;
    wire::write_str(bytes, of);
    return bytes;
  }

  // What it gets.
  static std::string welcome() {
    OutBuffer out;
    wire::zmtp::write_greeting(out);
    wire::zmtp::write_ready(out, "ROUTER");
    return std::string(out.view());
  }
  static std::string w5_reply(char of, const std::string& result) { return frame(id(of) + result); }
  static std::string error(ByteView message,
                           wire::ErrorKey key = wire::ErrorKey::server_exception) {
    std::string body;
    wire::write_error(body, key, message);
    return body;
  }
  /// Sends as fast as it is read, however much that is; it reads nothing.
  void send_all(Peer& peer, ByteView bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min<size_t>(bytes.size(), 32 << 10))) {
      peer.send(bytes.substr(0, 32 << 10));
      turn();
    }
  }
  std::string after_turn(Peer& peer) {
    turn();
    return peer.receive();
  }
  void answer_next(ByteView body) {
    ASSERT_FALSE(services_.keep.calls.empty());
    Call call = std::move(services_.keep.calls.front());
    services_.keep.calls.pop_front();
    std::move(call).reply(body);
  }
  uint64_t ended(Wire wire, Outcome outcome, std::string_view function = "keep") const {
    return worker_metrics_.ended(labels_.find(function), wire, outcome);
  }

  ZmqOptions zmq_;
  FunctionLabels labels_{{"echo", "keep"}};
  WorkerMetrics worker_metrics_{labels_};
  Router router_{labels_};
  AccessLogSettings call_log_;
  CallTable calls_{20'000, worker_metrics_, call_log_};
  Dispatcher dispatcher_{router_, calls_};
  ZmtpServices services_;
  std::optional<ZmtpListener> zmtp_;
};

}  // namespace zerogate::testing
