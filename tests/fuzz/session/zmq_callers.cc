#include "tests/fuzz/session/zmq_callers.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "core/wire/w5.h"
#include "core/wire/zmtp.h"
#include "tests/simulation/world.h"

namespace zerogate::fuzz {
namespace {

namespace zmtp = wire::zmtp;
using simulation::network;
using simulation::SocketPtr;
using simulation::violated;
using simulation::world;

constexpr size_t kLargestZmqReply = size_t{1} << 24;
/// Flags and a length: no frame, and so no message, is shorter.
constexpr size_t kLeastFrameBytes = 2;

std::string dealers_handshake() {
  using namespace std::string_literals;
  OutBuffer greeting;
  zmtp::write_greeting(greeting);
  return std::string(greeting.view()) + "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"s + "DEALER"s;
}

}  // namespace

void ZmtpEnd::connect(bool polite) {
  close();
  connecting_ = true;
  network().connect(
      address_, kGatewayZmq, [this, polite, attempt = attempt_](SocketPtr socket, int) {
        if (attempt != attempt_) {
          return socket != nullptr ? socket->close() : void();
        }
        connecting_ = false;
        if (socket == nullptr) {
          return hooks_.gone();
        }
        socket_ = std::move(socket);
        socket_->hooks = {.readable = [this] { read(); }, .writable = [this] { pump(); }};
        if (polite) {
          out_ = dealers_handshake();
        }
        pump();
        read();
      });
}

void ZmtpEnd::close() {
  ++attempt_;
  connecting_ = false;
  if (const SocketPtr socket = std::exchange(socket_, nullptr)) {
    socket->hooks = {};
    socket->close();
  }
  reading_ = true;
  phase_ = Phase::greeting;
  in_.clear();
  out_.clear();
}

void ZmtpEnd::pump() {
  while (socket_ != nullptr && !out_.empty()) {
    const long sent = socket_->write(out_);
    if (sent <= 0) {
      return;  // an error shows when it is read
    }
    out_.erase(0, static_cast<size_t>(sent));
  }
}

void ZmtpEnd::send(const std::vector<std::string>& frames) {
  for (size_t i = 0; i < frames.size(); ++i) {
    OutBuffer head;
    zmtp::write_head(head, frames[i].size());
    const size_t begin = out_.size();
    out_.append(head.view()).append(frames[i]);
    if (i + 1 < frames.size()) {
      out_[begin] = static_cast<char>(out_[begin] | 1);  // MORE
    }
  }
  pump();
}

void ZmtpEnd::send_bytes(ByteView bytes) {
  out_ += bytes;
  pump();
}

void ZmtpEnd::set_reading(bool reading) {
  reading_ = reading;
  read();
}

void ZmtpEnd::read() {
  while (socket_ != nullptr && reading_) {
    char bytes[4 << 10];
    const long got = socket_->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      return;
    }
    if (got <= 0) {
      return hooks_.gone();
    }
    in_.append(bytes, static_cast<size_t>(got));
    while (socket_ != nullptr && take_one()) {
    }
  }
}

bool ZmtpEnd::take_greeting() {
  const zmtp::GreetingStatus status = zmtp::parse_greeting(in_);
  if (status == zmtp::GreetingStatus::incomplete) {
    return false;
  }
  if (status != zmtp::GreetingStatus::ok) {
    violated("the gateway's greeting is none");
  }
  in_.erase(0, zmtp::kGreetingBytes);
  phase_ = Phase::handshake;
  return true;
}

bool ZmtpEnd::take_one() {
  if (phase_ == Phase::greeting) {
    return take_greeting();
  }
  const zmtp::Frame frame = zmtp::parse_frame(in_, kLargestZmqReply);
  if (frame.status == zmtp::FrameStatus::incomplete) {
    return false;
  }
  if (frame.status != zmtp::FrameStatus::whole || frame.more) {
    violated("a ZeroMQ client got what is no frame of an answer");
  }
  const bool command = frame.command;
  const std::string body(frame.body);
  in_.erase(0, frame.size);
  if (phase_ == Phase::handshake) {
    const zmtp::Command ready = zmtp::parse_command(body);
    if (!command || ready.name != "READY" || !zmtp::is_peers_ready(ready.data)) {
      violated("the gateway does not say that it is a ROUTER");
    }
    phase_ = Phase::open;
  } else if (!command) {
    hooks_.message(body);
  }
  return true;
}

ZmqCaller::ZmqCaller(HonestCalls& calls, std::string address)
    : calls_(calls),
      end_(std::move(address), {.message = [this](const std::string& body) { take(body); },
                                .gone = [this] { hang_up(); }}) {}

void ZmqCaller::connect() {
  hang_up();
  end_.connect(true);
}

void ZmqCaller::call(Function function) {
  if (!end_.open()) {
    return end_.connecting() || end_.connected() ? void() : connect();
  }
  const uint32_t number = calls_.begin(function);
  const std::string id = fmt::format("{:016x}", next_id_++);
  open_[id] = number;
  std::string body;
  wire::w5::write_request(body, id, kFunctions[static_cast<size_t>(function)],
                          calls_.at(number).argument);
  end_.send({body});
}

void ZmqCaller::take(const std::string& body) {
  const std::string id = body.substr(0, wire::w5::kIdBytes);
  if (body == std::string(wire::w5::kIdBytes, '\0')) {
    return;  // keeps quiet clients alive
  }
  const auto call = open_.find(id);
  if (call == open_.end()) {
    violated("an honest ZeroMQ client got an answer that belongs to no call of its that waits");
  }
  const uint32_t number = call->second;
  open_.erase(call);
  calls_.answered(number, ByteView(body).substr(id.size()), true);
}

void ZmqCaller::hang_up() {
  end_.close();
  open_.clear();
}

ZmqStranger::ZmqStranger(std::string address)
    : end_(std::move(address), {.message = [this](const std::string& body) { take(body); },
                                .gone = [this] { hang_up(); }}) {}

void ZmqStranger::come(bool polite) {
  hang_up();
  end_.connect(polite);
}

void ZmqStranger::take(const std::string& body) {
  world().note_bytes("to a stranger", body);
  const bool keep_alive = body == std::string(wire::w5::kIdBytes, '\0');
  received_ += static_cast<uint64_t>(!keep_alive);
  if (received_ > sent_ + sent_bytes_ / kLeastFrameBytes) {
    violated("a stranger has got more replies than it has sent messages");
  }
}

void ZmqStranger::send(const std::vector<std::string>& frames) {
  if (end_.connected()) {
    ++sent_;
    end_.send(frames);
  }
}

void ZmqStranger::send_bytes(ByteView bytes) {
  if (end_.connected()) {
    sent_bytes_ += bytes.size();
    end_.send_bytes(bytes);
  }
}

void ZmqStranger::turn_pause() {
  if (end_.connected()) {
    paused_ = !paused_;
    end_.set_reading(!paused_);
  }
}

void ZmqStranger::hang_up() {
  end_.close();
  paused_ = false;
  sent_ = sent_bytes_ = received_ = 0;
}

}  // namespace zerogate::fuzz
