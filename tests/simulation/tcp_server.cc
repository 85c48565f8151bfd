#include "tests/simulation/tcp_server.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "core/wire/msgpack_write.h"
#include "core/wire/t3.h"
#include "core/wire/zerror.h"

namespace zerogate::simulation {
namespace {

constexpr size_t kLargestRequest = size_t{64} << 20;
/// The gateway's generation of a slot never gets this far in a simulated run.
constexpr uint32_t kOtherGeneration = 0x8000'0000;

}  // namespace

TcpServer::TcpServer(World& the_world, Network& the_network, Ledger& the_ledger,
                     std::string address)
    : world_(the_world), network_(the_network), ledger_(the_ledger), address_(std::move(address)) {}

void TcpServer::start() {
  if (!std::exchange(listening_, true)) {
    network_.listen(address_)->accept = [this](const SocketPtr& socket) { accept(socket); };
  }
}

void TcpServer::stop() {
  if (std::exchange(listening_, false)) {
    network_.stop_listening(address_);
  }
  while (!connections_.empty()) {
    const ConnectionPtr connection = connections_.front();
    connection->socket->reset(world_.chance(2));
    end(connection);
  }
}

void TcpServer::heal() {
  faults = {};
  const std::list<ConnectionPtr> connections = connections_;
  for (const ConnectionPtr& connection : connections) {
    if (connection->spoiled) {
      end(connection);
    } else {
      read(connection);
    }
  }
}

TcpServer::ConnectionPtr TcpServer::any() {
  if (connections_.empty()) {
    return nullptr;
  }
  for (const ConnectionPtr& connection : connections_) {
    if (connection->under_way != 0 && world_.chance(2)) {
      return connection;
    }
  }
  auto place = connections_.begin();
  std::advance(place, static_cast<long>(world_.random.below(connections_.size())));
  return *place;
}

void TcpServer::reset_one() {
  if (const ConnectionPtr connection = any()) {
    connection->socket->reset(world_.chance(2));
    end(connection);
  }
}

void TcpServer::vanish_one() {
  if (const ConnectionPtr connection = any()) {
    connection->socket->vanish();
    end(connection);
  }
}

void TcpServer::close_one() {
  if (const ConnectionPtr connection = any()) {
    end(connection);
  }
}

void TcpServer::accept(const SocketPtr& socket) {
  const auto connection = std::make_shared<Connection>();
  connection->socket = socket;
  socket->hooks = {.readable = [this, weak = std::weak_ptr(connection)] { read(weak.lock()); },
                   .writable = [this, weak = std::weak_ptr(connection)] { pump(weak.lock()); }};
  connections_.push_back(connection);
  read(connection);
}

void TcpServer::end(const ConnectionPtr& connection) {
  if (!std::exchange(connection->ended, true)) {
    connection->socket->close();
    connections_.remove(connection);
  }
}

void TcpServer::read(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !faults.stuck) {
    char bytes[16 << 10];
    const long got = connection->socket->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      return;
    }
    if (got <= 0) {
      return end(connection);
    }
    connection->in.append(bytes, static_cast<size_t>(got));
    while (!connection->ended && take_one(connection)) {
    }
  }
}

bool TcpServer::take_one(const ConnectionPtr& connection) {
  const wire::t3::Frame frame = wire::t3::parse_frame(connection->in, kLargestRequest);
  if (frame.status == wire::t3::FrameStatus::incomplete) {
    return false;
  }
  const wire::t3::Envelope envelope = wire::t3::parse_envelope(frame.payload);
  if (frame.status != wire::t3::FrameStatus::whole ||
      envelope.status != wire::t3::EnvelopeStatus::ok) {
    violated("the gateway sent a backend something that is no request");
  }
  const uint32_t id = frame.id;
  std::string body;
  if (envelope.function == "connect") {
    wire::write_str(body, "connected");
  } else {
    const uint32_t number = ledger_.executed(envelope.function, envelope.argument);
    world_.note("executed", number);
    if (++connection->under_way > in_flight_limit) {
      violated(fmt::format("{} calls are under way on a connection to {}, limit {}",
                           connection->under_way, address_, in_flight_limit));
    }
    body = ledger_.result_of(number, address_);
    if (world_.chance(faults.error_one_in)) {
      body.clear();
      wire::write_error(body, wire::ErrorKey::server_exception, "the function failed");
    }
  }
  connection->in.erase(0, frame.size);
  if (faults.silent || world_.chance(faults.never_one_in)) {
    return true;
  }
  world_.in(world_.between(faults.service_least, faults.service_most),
            [this, connection, id, body = std::move(body)]() mutable {
              if (!connection->ended) {
                answer(connection, id, std::move(body));
              }
            });
  return true;
}

void TcpServer::answer(const ConnectionPtr& connection, uint32_t id, std::string body) {
  connection->under_way -= connection->under_way > 0 ? 1 : 0;
  if (world_.chance(faults.too_large_one_in)) {
    body.clear();
    wire::write_str(body, std::string(too_large, 'x'));
  }
  if (world_.chance(faults.no_value_one_in)) {
    body = "\xc1";
  }
  if (world_.chance(faults.wrong_id_one_in)) {
    id ^= kOtherGeneration;
  }
  std::string& out = connection->out;
  const size_t before = out.size();
  const bool error = wire::is_error_body(body);
  wire::t3::write_frame(out, id, error, body);
  if (world_.chance(faults.twice_one_in)) {
    wire::t3::write_frame(out, id, error, body);
  }
  if (world_.chance(faults.garbage_one_in)) {
    connection->spoiled = true;
    for (uint64_t left = world_.between(1, 40); left > 0; --left) {
      out += static_cast<char>(world_.random.next());
    }
  }
  if (world_.chance(faults.cut_one_in)) {
    out.resize(before + (out.size() - before) / 2);
    pump(connection);
    return end(connection);
  }
  pump(connection);
}

void TcpServer::pump(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !connection->out.empty()) {
    const long sent = connection->socket->write(connection->out);
    if (sent <= 0) {
      return;
    }
    connection->out.erase(0, static_cast<size_t>(sent));
  }
}

}  // namespace zerogate::simulation
