#include "tests/simulation/tcp_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/rpc/connect_service.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/t3.h"
#include "core/wire/zerror.h"
#include "tests/simulation/certificates.h"

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
    connection->channel->socket().reset(world_.chance(2));
    end(connection);
  }
}

void TcpServer::heal() {
  faults = {};
  const std::list<ConnectionPtr> connections = connections_;
  for (const ConnectionPtr& connection : connections) {
    // A gateway that took its answers for those of another gateway calls it over one that hangs.
    if (connection->spoiled || (misleads_ && connection->hangs)) {
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
    connection->channel->socket().reset(world_.chance(2));
    end(connection);
  }
}

void TcpServer::vanish_one() {
  if (const ConnectionPtr connection = any()) {
    connection->channel->socket().vanish();
    end(connection);
  }
}

void TcpServer::close_one() {
  const auto others_wait = [](const auto& one) { return one->busy && !one->in.empty(); };
  if (const auto found = std::ranges::find_if(connections_, others_wait);
      found != connections_.end()) {
    return end(ConnectionPtr(*found));
  }
  if (const ConnectionPtr connection = any()) {
    end(connection);
  }
}

void TcpServer::accept(const SocketPtr& socket) {
  const auto connection = std::make_shared<Connection>();
  connection->channel = std::make_unique<Channel>(socket, tls_for(*connection));
  socket->hooks = {.readable = [this, weak = std::weak_ptr(connection)] { read(weak.lock()); },
                   .writable = [this, weak = std::weak_ptr(connection)] { pump(weak.lock()); }};
  connections_.push_back(connection);
  read(connection);
}

SSL_CTX* TcpServer::tls_for(Connection& connection) const {
  if (!over_tls) {
    return nullptr;
  }
  const Certificates& made = certificates();
  if (world_.chance(faults.impostor_one_in)) {
    connection.impostor = true;
    return made.impostors[world_.random.below(made.impostors.size())].get();
  }
  return (kind == Kind::gateway ? made.gateways : made.zero).get();
}

void TcpServer::end(const ConnectionPtr& connection) {
  if (!std::exchange(connection->ended, true)) {
    connection->channel->close();
    connections_.remove(connection);
  }
}

void TcpServer::read(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !faults.stuck) {
    char bytes[16 << 10];
    const long got = connection->channel->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      break;
    }
    connection->all_read = got <= 0;
    if (got < 0 || (got == 0 && (kind == Kind::gateway || connection->hangs))) {
      return end(connection);
    }
    if (got == 0) {
      break;
    }
    connection->in.append({bytes, static_cast<size_t>(got)});
  }
  while (connection != nullptr && !connection->ended && !faults.stuck && take_one(connection)) {
  }
  // Zero's server works off what it has read, also for a peer that has left.
  if (connection != nullptr && connection->all_read && !connection->busy) {
    end(connection);
  }
}

// Zero's server begins with the next call when it has handed the last reply to its kernel: as long
// as replies are small, it always has.
bool TcpServer::take_one(const ConnectionPtr& connection) {
  if (kind == Kind::one_at_a_time && (connection->busy || !connection->out.empty())) {
    return false;
  }
  const wire::t3::Frame frame = wire::t3::parse_frame(connection->in.view(), kLargestRequest);
  if (frame.status == wire::t3::FrameStatus::incomplete) {
    return false;
  }
  const wire::t3::Envelope envelope = wire::t3::parse_envelope(frame.payload);
  if (frame.status != wire::t3::FrameStatus::whole ||
      envelope.status != wire::t3::EnvelopeStatus::ok) {
    violated("the gateway sent a backend something that is no request");
  }
  if (connection->impostor) {
    violated("the gateway calls a server whose certificate is not that of " + address_);
  }
  judge_depth(*connection);
  serve(connection, frame.id, envelope.function, envelope.argument);
  connection->in.take(frame.size);
  return true;
}

/// Whole requests in it, and those that it works on.
void TcpServer::judge_depth(const Connection& connection) const {
  uint32_t requests = connection.under_way;
  for (ByteView rest = connection.in.view(); !rest.empty();) {
    const wire::t3::Frame frame = wire::t3::parse_frame(rest, kLargestRequest);
    if (frame.status != wire::t3::FrameStatus::whole) {
      break;
    }
    ++requests;
    rest.remove_prefix(frame.size);
  }
  if (requests > in_flight_limit && !misleads_) {
    violated(fmt::format("{} calls are under way on a connection to {}, limit {}", requests,
                         address_, in_flight_limit));
  }
}

void TcpServer::serve(const ConnectionPtr& connection, uint32_t id, ByteView function,
                      ByteView argument) {
  std::string body;
  if (function == "connect") {
    if (kind == Kind::gateway) {
      body = ConnectService::kGatewayAnswer;
    } else {
      wire::write_str(body, "connected");
    }
  } else {
    const uint32_t number = ledger_.executed(function, argument);
    world_.note("executed", number);
    ++connection->under_way;
    body = ledger_.result_of(number, address_);
    if (world_.chance(faults.error_one_in)) {
      body.clear();
      wire::write_error(body, wire::ErrorKey::server_exception, "the function failed");
    }
  }
  connection->busy = true;
  if (faults.silent || world_.chance(faults.never_one_in)) {
    connection->hangs = true;
    return;
  }
  world_.in(world_.between(faults.service_least, faults.service_most),
            [this, connection, id, body = std::move(body)]() mutable {
              if (!connection->ended) {
                connection->busy = false;
                if (world_.chance(faults.close_one_in)) {
                  return end(connection);
                }
                answer(connection, id, std::move(body));
                read(connection);
              }
            });
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
    misleads_ = true;
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
    std::string garbage;
    for (uint64_t left = world_.between(1, 40); left > 0; --left) {
      garbage += static_cast<char>(world_.random.next());
    }
    if (over_tls && world_.chance(2)) {
      connection->channel->write_raw(garbage);
    } else {
      out += garbage;
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
  if (connection != nullptr && !connection->ended) {
    connection->channel->flush();
  }
  while (connection != nullptr && !connection->ended && !connection->out.empty()) {
    const long sent = connection->channel->write(connection->out);
    if (sent <= 0) {
      return;
    }
    connection->out.erase(0, static_cast<size_t>(sent));
  }
  read(connection);
}

}  // namespace zerogate::simulation
