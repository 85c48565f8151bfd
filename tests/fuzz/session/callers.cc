#include "tests/fuzz/session/callers.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/wire/big_endian.h"
#include "core/wire/t3.h"
#include "tests/simulation/world.h"

namespace zerogate::fuzz {
namespace {

using simulation::kUs;
using simulation::network;
using simulation::SocketPtr;
using simulation::violated;
using simulation::world;

constexpr size_t kLengthBytes = wire::t3::kLengthBytes;
constexpr size_t kLargestReply = size_t{1} << 24;
constexpr uint64_t kDribble = 20 * kUs;
/// So many bytes come one by one. More than that come in larger pieces: a run would take seconds.
constexpr size_t kDribbled = 1'000;

}  // namespace

void TcpCaller::connect() {
  hang_up();
  connecting_ = true;
  network().connect(address_, kGatewayTcp, [this, attempt = attempt_](SocketPtr socket, int) {
    if (attempt != attempt_) {
      if (socket != nullptr) {
        socket->close();
      }
      return;
    }
    connecting_ = false;
    if (socket != nullptr) {
      socket_ = std::move(socket);
      socket_->hooks = {.readable = [this] { read(); }, .writable = [this] { pump(); }};
      read();
    }
  });
}

void TcpCaller::call(Function function) {
  if (socket_ == nullptr) {
    return connecting_ ? void() : connect();
  }
  const uint32_t number = calls_.begin(function);
  const uint32_t id = next_id_++;
  open_[id] = number;
  wire::t3::write_request(out_, id, kFunctions[static_cast<size_t>(function)],
                          calls_.at(number).argument);
  pump();
}

void TcpCaller::pump() {
  while (socket_ != nullptr && !out_.empty()) {
    const long sent = socket_->write(out_);
    if (sent <= 0) {
      return;  // an error shows when it is read
    }
    out_.erase(0, static_cast<size_t>(sent));
  }
}

void TcpCaller::read() {
  while (socket_ != nullptr) {
    char bytes[4 << 10];
    const long got = socket_->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      return;
    }
    if (got <= 0) {
      ++ended_by_gateway_;
      return hang_up();
    }
    in_.append(bytes, static_cast<size_t>(got));
    while (take_one()) {
    }
  }
}

bool TcpCaller::take_one() {
  const wire::t3::Frame frame = wire::t3::parse_frame(in_, kLargestReply);
  if (frame.status == wire::t3::FrameStatus::incomplete) {
    return false;
  }
  if (frame.status != wire::t3::FrameStatus::whole) {
    violated("an honest client got what is no frame");
  }
  const auto call = open_.find(frame.id);
  if (call == open_.end()) {
    violated("an honest client got an answer that belongs to no call of its that waits");
  }
  const uint32_t number = call->second;
  open_.erase(call);
  const std::string body(frame.payload);
  in_.erase(0, frame.size);
  calls_.answered(number, body, false);
  return true;
}

void TcpCaller::hang_up() {
  ++attempt_;
  connecting_ = false;
  if (const SocketPtr socket = std::exchange(socket_, nullptr)) {
    socket->hooks = {};
    if (!open_.empty()) {
      socket->reset(true);
    }
    socket->close();
  }
  in_.clear();
  out_.clear();
  open_.clear();
}

void FrameCounter::add(ByteView bytes) {
  while (!bytes.empty()) {
    if (left_ != 0) {
      const size_t part = std::min<uint64_t>(left_, bytes.size());
      left_ -= part;
      bytes.remove_prefix(part);
      continue;
    }
    const size_t part = std::min(kLengthBytes - head_.size(), bytes.size());
    head_ += bytes.substr(0, part);
    bytes.remove_prefix(part);
    if (head_.size() == kLengthBytes) {
      left_ = wire::load_be32(head_.data());
      head_.clear();
      ++begun_;
    }
  }
}

void TcpStranger::connect() {
  hang_up();
  network().connect(address_, kGatewayTcp, [this, attempt = attempt_](SocketPtr socket, int) {
    if (socket != nullptr && attempt != attempt_) {
      socket->close();
    } else if (socket != nullptr) {
      socket_ = std::move(socket);
      socket_->hooks = {.readable = [this] { read(); }, .writable = [this] { pump(); }};
      pump();
      read();
    }
  });
}

void TcpStranger::send(ByteView bytes, bool one_by_one) {
  sent_.add(bytes);
  out_ += bytes;
  one_by_one_ = one_by_one;
  pump();
}

void TcpStranger::send_frame(ByteView payload) {
  std::string frame;
  wire::t3::write_frame(frame, next_id_++, false, payload);
  send(frame);
}

void TcpStranger::send_filler(size_t size, size_t there) {
  std::string frame(kLengthBytes, '\0');
  wire::store_be<4>(frame.data(), size);
  frame.append(std::min(size, there), '\x01');
  send(frame);
}

void TcpStranger::pump() {
  while (socket_ != nullptr && !out_.empty() && !pumping_) {
    const size_t piece = one_by_one_ ? 1 + out_.size() / kDribbled : out_.size();
    const long sent = socket_->write(ByteView(out_).substr(0, piece));
    if (sent <= 0) {
      return;
    }
    out_.erase(0, static_cast<size_t>(sent));
    if (one_by_one_ && !out_.empty()) {
      pumping_ = true;
      world().in(kDribble, [this, attempt = attempt_] {
        if (attempt == attempt_) {
          pumping_ = false;
          pump();
        }
      });
    }
  }
  if (ending_ && out_.empty() && socket_ != nullptr) {
    socket_->end_writing();
  }
}

void TcpStranger::half_close() {
  ending_ = true;
  pump();
}

void TcpStranger::read() {
  while (socket_ != nullptr && reading_) {
    char bytes[4 << 10];
    const long got = socket_->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      return;
    }
    if (got <= 0) {
      return hang_up();
    }
    const ByteView received(bytes, static_cast<size_t>(got));
    world().note_bytes("to a stranger", received);
    received_.add(received);
    if (received_.whole() > sent_.begun()) {
      violated("a stranger has got more replies than it has sent frames");
    }
  }
}

void TcpStranger::set_reading(bool reading) {
  reading_ = reading;
  read();
}

void TcpStranger::reset() {
  if (socket_ != nullptr) {
    const SocketPtr socket = socket_;
    socket->reset(true);
  }
}

void TcpStranger::hang_up() {
  ++attempt_;
  if (socket_ != nullptr) {
    std::exchange(socket_, nullptr)->close();
  }
  reading_ = true;
  one_by_one_ = pumping_ = ending_ = false;
  out_.clear();
  sent_ = received_ = {};
}

}  // namespace zerogate::fuzz
