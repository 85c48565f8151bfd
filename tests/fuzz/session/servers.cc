#include "tests/fuzz/session/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/wire/t3.h"
#include "core/wire/zerror.h"
#include "tests/fuzz/session/calls.h"
#include "tests/simulation/redis_command.h"
#include "tests/simulation/world.h"

namespace zerogate::fuzz {
namespace {

using simulation::kUs;
using simulation::network;
using simulation::SocketPtr;
using simulation::violated;
using simulation::world;

constexpr uint64_t kService = 50 * kUs;  ///< that an honest answer takes
constexpr size_t kLargestRequest = size_t{1} << 24;
constexpr ByteView kGreeted =
    "\xa9"
    "connected";

std::string bulk(ByteView value) { return fmt::format("${}\r\n{}\r\n", value.size(), value); }

}  // namespace

StreamServer::~StreamServer() {
  for (const ConnectionPtr& connection : std::exchange(connections_, {})) {
    connection->ended = true;
    connection->socket->close();
  }
}

void StreamServer::start() {
  if (!std::exchange(listening_, true)) {
    network().listen(address_)->accept = [this](const SocketPtr& socket) { accept(socket); };
  }
}

void StreamServer::set_mode(Mode mode) {
  mode_ = mode;
  if (mode == Mode::down) {
    if (std::exchange(listening_, false)) {
      network().stop_listening(address_);
    }
    while (!connections_.empty()) {
      disconnect(0, End::reset);
    }
    return;
  }
  start();
  for (const ConnectionPtr& connection : std::vector(connections_)) {
    read(connection);
  }
}

StreamServer::ConnectionPtr StreamServer::at(size_t number) const {
  return connections_.empty() ? nullptr : connections_[number % connections_.size()];
}

void StreamServer::say(size_t connection, std::vector<std::string> frames) {
  if (const ConnectionPtr there = at(connection)) {
    there->strange = true;
    for (const std::string& frame : frames) {
      send(there, frame);
    }
  }
}

void StreamServer::answer(size_t connection, ByteView body) {
  if (const ConnectionPtr there = at(connection); there != nullptr && !there->waiting.empty()) {
    const Request request = std::move(there->waiting.front());
    there->waiting.pop_front();
    there->strange = true;
    send(there, reply_to(request, body));
    work(there);
  }
}

void StreamServer::disconnect(size_t connection, End how) {
  const ConnectionPtr there = at(connection);
  if (there == nullptr) {
    return;
  }
  switch (how) {
    case End::reset:
      there->socket->reset(true);
      return end(there);
    case End::half_close:
      return there->socket->end_writing();
    case End::stop_reading:
      there->deaf = true;
      return;
    case End::read_on:
      there->deaf = false;
      return read(there);
    default:
      return end(there);
  }
}

void StreamServer::heal() {
  set_mode(Mode::honest);
  for (const ConnectionPtr& connection : std::vector(connections_)) {
    if (connection->strange) {
      end(connection);
    } else {
      connection->deaf = false;
      read(connection);
    }
  }
}

bool StreamServer::said(ByteView body) const {
  return std::ranges::any_of(
             strange_,
             [&](const std::string& all) { return all.find(body) != std::string::npos; }) ||
         std::ranges::any_of(connections_, [&](const ConnectionPtr& connection) {
           return connection->strange && connection->all.find(body) != std::string::npos;
         });
}

void StreamServer::accept(const SocketPtr& socket) {
  const auto connection = std::make_shared<Connection>();
  connection->socket = socket;
  socket->hooks = {.readable = [this, weak = std::weak_ptr(connection)] { read(weak.lock()); },
                   .writable = [this, weak = std::weak_ptr(connection)] { pump(weak.lock()); }};
  connections_.push_back(connection);
  read(connection);
}

void StreamServer::end(const ConnectionPtr& connection) {
  if (std::exchange(connection->ended, true)) {
    return;
  }
  connection->socket->close();
  if (connection->strange) {
    strange_.push_back(std::move(connection->all));
  }
  std::erase(connections_, ConnectionPtr(connection));
}

void StreamServer::read(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !connection->deaf && mode_ != Mode::stuck) {
    char bytes[4 << 10];
    const long got = connection->socket->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      break;
    }
    if (got <= 0) {
      return end(connection);
    }
    connection->in.append(bytes, static_cast<size_t>(got));
  }
  if (connection == nullptr || connection->ended) {
    return;
  }
  for (Request request; take(*connection, request); request = {}) {
    connection->waiting.push_back(std::move(request));
    if (connection->waiting.size() + connection->under_way > most_waiting_ &&
        !connection->strange) {
      violated(fmt::format("more than {} calls are under way on a connection to a backend",
                           most_waiting_));
    }
  }
  work(connection);
}

// Answers come in the order of the requests: all take as long.
void StreamServer::work(const ConnectionPtr& connection) {
  while (
      !connection->waiting.empty() &&
      (mode_ == Mode::honest || (mode_ == Mode::by_hand && connection->waiting.front().greets))) {
    ++connection->under_way;
    world().in(kService, [this, connection, reply = connection->waiting.front().reply] {
      if (!connection->ended) {
        --connection->under_way;
        send(connection, reply);
      }
    });
    connection->waiting.pop_front();
  }
}

void StreamServer::send(const ConnectionPtr& connection, ByteView bytes) {
  connection->all += bytes;
  connection->out += bytes;
  pump(connection);
}

void StreamServer::pump(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !connection->out.empty()) {
    const long sent = connection->socket->write(connection->out);
    if (sent <= 0) {
      return;
    }
    connection->out.erase(0, static_cast<size_t>(sent));
  }
}

bool TcpBackend::take(Connection& connection, Request& request) {
  const wire::t3::Frame frame = wire::t3::parse_frame(connection.in, kLargestRequest);
  if (frame.status == wire::t3::FrameStatus::incomplete) {
    return false;
  }
  const wire::t3::Envelope envelope = wire::t3::parse_envelope(frame.payload);
  if (frame.status != wire::t3::FrameStatus::whole ||
      envelope.status != wire::t3::EnvelopeStatus::ok) {
    violated("the gateway sent a backend something that is no request");
  }
  request.id = frame.id;
  request.greets = envelope.function == "connect";
  request.reply = reply_to(
      request, request.greets ? std::string(kGreeted)
                              : HonestCalls::result_of(envelope.function, envelope.argument));
  connection.in.erase(0, frame.size);
  return true;
}

std::string TcpBackend::reply_to(const Request& request, ByteView body) const {
  std::string reply;
  wire::t3::write_frame(reply, request.id, wire::is_error_body(body), body);
  return reply;
}

bool Redis::take(Connection& connection, Request& request) {
  std::vector<std::string> words;
  if (!simulation::take_redis_command(connection.in, words)) {
    return false;
  }
  request.greets = words[0] == "PING" || words.size() == 4;  // SET key value XX
  request.reply = reply_to(words);
  return true;
}

std::string Redis::reply_to(const Request&, ByteView body) const { return bulk(body); }

std::string Redis::reply_to(const std::vector<std::string>& words) {
  if (words[0] == "PING") {
    return "+PONG\r\n";
  }
  if (words[0] == "SET" && words.size() == 4) {
    return store_.contains(words[1]) ? "+OK\r\n" : "$-1\r\n";
  }
  if (words[0] == "SET" && words.size() == 3) {
    store_[words[1]] = words[2];
    return "+OK\r\n";
  }
  if (words[0] == "GET" && words.size() == 2) {
    const auto known = store_.find(words[1]);
    return known == store_.end() ? "$-1\r\n" : bulk(known->second);
  }
  violated("the gateway sent Redis a command that it should not know: " + words[0]);
}

}  // namespace zerogate::fuzz
