#include "tests/simulation/zmq_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "core/wire/zmq_wire.h"

namespace zerogate::simulation {
namespace {

size_t id_bytes(Wire wire) { return wire == Wire::w5 ? wire::w5::kIdBytes : wire::kMaxZmqIdBytes; }

std::string padded(std::string name, Wire wire) {
  name.resize(wire == Wire::w3 ? wire::kW3NameBytes : wire::w5::kNameBytes, ' ');
  return name;
}

}  // namespace

ZmqClient::ZmqClient(World& the_world, Ledger& the_ledger, std::string address, std::string gateway,
                     Wire wire)
    : world_(the_world),
      ledger_(the_ledger),
      address_(std::move(address)),
      gateway_(std::move(gateway)),
      wire_(wire),
      next_id_(static_cast<uint32_t>(the_world.random.next())) {}

ZmqClient::~ZmqClient() { disconnect(); }

void ZmqClient::connect() {
  disconnect();
  zmq_bus().connect(address_, gateway_, [this, attempt = attempt_](ZmqLinkPtr link) {
    if (link == nullptr) {
      return;
    }
    if (attempt != attempt_) {
      return link->close();
    }
    link_ = std::move(link);
    link_->hooks = {.message = [this](const std::string& body) { take(body); },
                    .gone = [this] { open_.clear(); }};
    world_.note("zmq client connected");
  });
}

void ZmqClient::disconnect() {
  ++attempt_;
  if (link_ != nullptr) {
    std::exchange(link_, nullptr)->close();
  }
  open_.clear();
}

void ZmqClient::call(Function function, size_t bytes) {
  const uint32_t number = ledger_.begin(function, wire_, bytes);
  // W3's and W4's ids are hexadecimal digits; W5's are any bytes.
  std::string id = fmt::format("{:032x}", next_id_++);
  id = id.substr(id.size() - id_bytes(wire_));
  open_[id] = number;
  std::string body = id + padded(std::string(kFunctions[static_cast<size_t>(function)]), wire_);
  body += ledger_.at(number).argument;
  link_->send(std::move(body));
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
  const uint32_t number = call->second;
  open_.erase(call);
  ledger_.answered(number, ByteView(body).substr(id.size()));
}

void ZmqClient::vanish() {
  if (link_ != nullptr) {
    world_.note("zmq client vanishes");
    link_->hooks = {};
    std::exchange(link_, nullptr)->vanish();
    open_.clear();
  }
}

void ZmqClient::pause() {
  if (link_ != nullptr) {
    link_->set_paused(true);
    world_.in(world_.between(kMs, 3 * kSecond), [link = link_] { link->set_paused(false); });
  }
}

void ZmqClient::send_garbage() {
  if (link_ == nullptr) {
    return;
  }
  // What is shorter than an id is taken for one, and answered with an error.
  std::string body;
  for (uint64_t left = world_.between(0, wire::w5::kIdBytes - 1); left > 0; --left) {
    body += static_cast<char>(world_.random.next());
  }
  garbage_.push_back(body);
  link_->send(std::move(body));
}

}  // namespace zerogate::simulation
