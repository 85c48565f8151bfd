#include <algorithm>
#include <utility>

#include "core/wire/w5.h"
#include "tests/fuzz/session/calls.h"
#include "tests/fuzz/session/servers.h"
#include "tests/simulation/world.h"

namespace zerogate::fuzz {
namespace {

using simulation::world;
using simulation::zmq_bus;
using simulation::ZmqLinkPtr;

constexpr uint64_t kZmqService = 50 * simulation::kUs;

}  // namespace

ZmqBackend::~ZmqBackend() {
  for (const ConnectionPtr& connection : std::exchange(connections_, {})) {
    connection->link->hooks = {};
  }
}

void ZmqBackend::start() {
  if (!std::exchange(listening_, true)) {
    zmq_bus().listen(address_, [this](const ZmqLinkPtr& link) { accept(link); });
  }
}

void ZmqBackend::set_mode(Mode mode) {
  mode_ = mode;
  if (mode == Mode::down) {
    if (std::exchange(listening_, false)) {
      zmq_bus().stop_listening(address_);
    }
    for (const ConnectionPtr& connection : std::exchange(connections_, {})) {
      connection->link->close();
    }
    return;
  }
  start();
  for (const ConnectionPtr& connection : std::vector(connections_)) {
    connection->link->set_paused(mode == Mode::stuck);
    work(connection);
  }
}

ZmqBackend::ConnectionPtr ZmqBackend::at(size_t number) const {
  return connections_.empty() ? nullptr : connections_[number % connections_.size()];
}

void ZmqBackend::say(size_t connection, std::vector<std::string> frames) {
  if (const ConnectionPtr there = at(connection)) {
    strange_.insert(strange_.end(), frames.begin(), frames.end());
    there->link->send(std::move(frames));
  }
}

void ZmqBackend::answer(size_t connection, ByteView body) {
  if (const ConnectionPtr there = at(connection); there != nullptr && !there->waiting.empty()) {
    strange_.emplace_back(body);
    there->link->send(there->waiting.front().id.append(body));
    there->waiting.pop_front();
    work(there);
  }
}

void ZmqBackend::disconnect(size_t connection, End how) {
  const ConnectionPtr there = at(connection);
  if (there == nullptr) {
    return;
  }
  if (how == End::stop_reading || how == End::read_on) {
    return there->link->set_paused(how == End::stop_reading);
  }
  there->link->close();
  std::erase(connections_, there);
}

void ZmqBackend::heal() { set_mode(Mode::honest); }

bool ZmqBackend::said(ByteView body) const {
  if (body == "\xc0") {
    return !strange_.empty();  // over ZeroMQ no bytes at all are nil
  }
  return std::ranges::any_of(
      strange_, [&](const std::string& text) { return text.find(body) != std::string::npos; });
}

void ZmqBackend::accept(const ZmqLinkPtr& link) {
  const auto connection = std::make_shared<Connection>();
  connection->link = link;
  link->set_paused(mode_ == Mode::stuck);
  link->hooks = {.message = [this, weak = std::weak_ptr(connection)](
                                const std::string& body) { take(weak.lock(), body); },
                 .gone =
                     [this, raw = connection.get()] {
                       std::erase_if(connections_, [raw](const auto& c) { return c.get() == raw; });
                     }};
  connections_.push_back(connection);
}

void ZmqBackend::take(const ConnectionPtr& connection, ByteView body) {
  if (connection == nullptr) {
    return;
  }
  const wire::w5::Request request = wire::w5::parse_request(body);
  const bool greets = request.function == "connect";
  connection->waiting.push_back({std::string(request.id), greets,
                                 greets
                                     ? "\xa9"
                                       "connected"
                                     : HonestCalls::result_of(request.function, request.argument)});
  work(connection);
}

void ZmqBackend::work(const ConnectionPtr& connection) {
  std::deque<Request>& waiting = connection->waiting;
  while (!waiting.empty() &&
         (mode_ == Mode::honest || (mode_ == Mode::by_hand && waiting.front().greets))) {
    world().in(kZmqService,
               [link = connection->link, message = waiting.front().id + waiting.front().result] {
                 link->send(message);
               });
    waiting.pop_front();
  }
}

}  // namespace zerogate::fuzz
