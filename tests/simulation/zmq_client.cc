#include "tests/simulation/zmq_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "core/wire/zmq_wire.h"
#include "core/wire/zmtp.h"

namespace zerogate::simulation {
namespace {

size_t id_bytes(Wire wire) { return wire == Wire::w5 ? wire::w5::kIdBytes : wire::kMaxZmqIdBytes; }

std::string padded(std::string name, Wire wire) {
  name.resize(wire == Wire::w3 ? wire::kW3NameBytes : wire::w5::kNameBytes, ' ');
  return name;
}

std::string greeting() {
  OutBuffer out;
  wire::zmtp::write_greeting(out);
  return std::string(out.view());
}

std::string ready() {
  using namespace std::string_literals;
  return "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"s + "DEALER"s;
}

}  // namespace

ZmqClient::ZmqClient(World& the_world, Network& the_network, Ledger& the_ledger,
                     std::string address, std::string gateway, Wire wire)
    : world_(the_world),
      network_(the_network),
      ledger_(the_ledger),
      address_(std::move(address)),
      gateway_(std::move(gateway)),
      wire_(wire),
      next_id_(static_cast<uint32_t>(the_world.random.next())) {}

ZmqClient::~ZmqClient() { drop(); }

void ZmqClient::connect() {
  drop();
  network_.connect(address_, gateway_, [this, attempt = attempt_](SocketPtr socket, int) {
    if (socket != nullptr && attempt != attempt_) {
      return socket->close();
    }
    if (socket != nullptr) {
      attach(std::move(socket));
    }
  });
}

void ZmqClient::attach(SocketPtr socket) {
  socket_ = std::move(socket);
  socket_->hooks = {.readable = [this] { read(); }, .writable = [this] { pump(); }};
  phase_ = Phase::greeting;
  written_ = 0;
  out_.append(greeting());
  pump();
  read();
}

void ZmqClient::drop() {
  ++attempt_;
  if (socket_ != nullptr) {
    std::exchange(socket_, nullptr)->close();
  }
  phase_ = Phase::none;
  paused_ = false;
  in_.clear();
  out_.clear();
  open_.clear();
}

void ZmqClient::disconnect() { drop(); }

void ZmqClient::pump() {
  if (socket_ != nullptr) {
    const size_t before = out_.size();
    out_.write_to([this](ByteView bytes) { return socket_->write(bytes); });
    written_ += before - out_.size();
  }
}

void ZmqClient::read() {
  while (socket_ != nullptr && !paused_) {
    char bytes[16 << 10];
    const long got = socket_->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      return;
    }
    if (got <= 0) {
      if (got == 0 && may_be_closed) {
        count_unanswered();
      }
      world_.note("zmq client closed", open_.size());
      return drop();
    }
    in_.append(bytes, static_cast<size_t>(got));
    while (socket_ != nullptr && parse_one()) {
    }
  }
}

bool ZmqClient::parse_one() {
  if (phase_ == Phase::greeting) {
    if (in_.size() < wire::zmtp::kGreetingBytes) {
      return false;
    }
    if (wire::zmtp::parse_greeting(in_) != wire::zmtp::GreetingStatus::ok) {
      ledger_.strange_answer("it does not speak ZMTP");
    }
    in_.erase(0, wire::zmtp::kGreetingBytes);
    phase_ = Phase::handshake;
    out_.append(ready());
    pump();
    return true;
  }
  const wire::zmtp::Frame frame = wire::zmtp::parse_frame(in_, size_t{64} << 20);
  if (frame.status == wire::zmtp::FrameStatus::incomplete) {
    return false;
  }
  if (frame.status != wire::zmtp::FrameStatus::whole || frame.more ||
      frame.command != (phase_ == Phase::handshake)) {
    ledger_.strange_answer("a frame that is none");
  }
  const std::string body(frame.body);
  in_.erase(0, frame.size);
  if (phase_ == Phase::handshake) {
    phase_ = Phase::open;
    world_.note("zmq client connected");
  } else {
    take(body);
  }
  return true;
}

void ZmqClient::count_unanswered() {
  for (const auto& [id, call] : open_) {
    left_unanswered += static_cast<uint64_t>(call.end <= socket_->taken_before_end());
  }
}

uint64_t ZmqClient::send(const std::string& body) {
  OutBuffer head;
  wire::zmtp::write_head(head, body.size());
  out_.append(head.view()).append(body);
  const uint64_t end = written_ + out_.size();
  pump();
  return end;
}

void ZmqClient::call(Function function, size_t bytes) {
  const uint32_t number = ledger_.begin(function, wire_, address_, bytes);
  // W3's and W4's ids are hexadecimal digits; W5's are any bytes.
  std::string id = fmt::format("{:032x}", next_id_++);
  id = id.substr(id.size() - id_bytes(wire_));
  std::string body = id + padded(std::string(kFunctions[static_cast<size_t>(function)]), wire_);
  body += ledger_.at(number).argument;
  open_[id] = {number, send(body)};
}

void ZmqClient::take(const std::string& body) {
  const std::string id = body.substr(0, id_bytes(wire_));
  if (body == std::string(wire::w5::kIdBytes, '\0')) {
    return;  // keeps quiet clients alive
  }
  const auto call = open_.find(id);
  if (call == open_.end()) {
    if (std::ranges::any_of(garbage_, [&](const std::string& sent) {
          return body.starts_with(sent) && wire::is_error_body(ByteView(body).substr(sent.size()));
        })) {
      return;
    }
    ledger_.strange_answer("over ZeroMQ");
  }
  const uint32_t number = call->second.number;
  open_.erase(call);
  ledger_.answered(number, ByteView(body).substr(id.size()));
}

void ZmqClient::vanish() {
  if (socket_ != nullptr) {
    world_.note("zmq client vanishes");
    socket_->vanish();
    drop();
  }
}

void ZmqClient::pause() {
  if (connected()) {
    paused_ = true;
    world_.in(world_.between(kMs, 3 * kSecond), [this, attempt = attempt_] {
      if (attempt == attempt_) {
        paused_ = false;
        read();
      }
    });
  }
}

void ZmqClient::send_garbage() {
  if (!connected()) {
    return;
  }
  // What is shorter than an id is taken for one, and answered with an error.
  std::string body;
  for (uint64_t left = world_.between(0, wire::w5::kIdBytes - 1); left > 0; --left) {
    body += static_cast<char>(world_.random.next());
  }
  garbage_.push_back(body);
  send(body);
}

}  // namespace zerogate::simulation
