#include "tests/simulation/redis_server.h"

#include <cerrno>
#include <utility>

#include "tests/simulation/redis_command.h"

namespace zerogate::simulation {
RedisServer::RedisServer(World& the_world, Network& the_network, RedisStore& store,
                         std::string address)
    : world_(the_world), network_(the_network), store_(store), address_(std::move(address)) {}

void RedisServer::start() {
  if (!std::exchange(listening_, true)) {
    network_.listen(address_)->accept = [this](const SocketPtr& socket) { accept(socket); };
  }
}

void RedisServer::stop() {
  if (std::exchange(listening_, false)) {
    network_.stop_listening(address_);
  }
  reset_all();
}

void RedisServer::reset_all() {
  while (!connections_.empty()) {
    const ConnectionPtr connection = connections_.front();
    connection->socket->reset(world_.chance(2));
    end(connection);
  }
}

void RedisServer::set_still(bool still) {
  still_ = still;
  const std::list<ConnectionPtr> connections = connections_;
  for (const ConnectionPtr& connection : connections) {
    read(connection);
  }
}

void RedisServer::accept(const SocketPtr& socket) {
  const auto connection = std::make_shared<Connection>();
  connection->socket = socket;
  socket->hooks = {.readable = [this, weak = std::weak_ptr(connection)] { read(weak.lock()); },
                   .writable = [this, weak = std::weak_ptr(connection)] { pump(weak.lock()); }};
  connections_.push_back(connection);
  read(connection);
}

void RedisServer::end(const ConnectionPtr& connection) {
  if (!std::exchange(connection->ended, true)) {
    connection->socket->close();
    connections_.remove(connection);
  }
}

void RedisServer::read(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !still_) {
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

bool RedisServer::take_one(const ConnectionPtr& connection) {
  std::vector<std::string> words;
  if (!take_redis_command(connection->in, words)) {
    return false;
  }
  if (world_.chance(faults.close_one_in)) {
    end(connection);
    return false;
  }
  std::string reply = reply_to(words);
  if (world_.chance(faults.garbage_one_in)) {
    reply = "?what\r\n";
  }
  connection->free_at = std::max(connection->free_at, world_.now()) +
                        world_.between(faults.service_least, faults.service_most);
  world_.at(connection->free_at, [this, connection, reply = std::move(reply)] {
    connection->out += reply;
    pump(connection);
  });
  return true;
}

std::string RedisServer::reply_to(const std::vector<std::string>& words) {
  if (faults.loading) {
    return "-LOADING Redis is loading the dataset in memory\r\n";
  }
  if (words[0] == "PING") {
    return "+PONG\r\n";
  }
  if (world_.chance(faults.error_one_in)) {
    return "-ERR it did not work\r\n";
  }
  if (words[0] == "SET") {
    if (faults.read_only) {
      return "-READONLY You can't write against a read only replica.\r\n";
    }
    if (words.size() == 4) {  // SET key value XX of the handshake
      return store_.contains(words[1]) ? "+OK\r\n" : "$-1\r\n";
    }
    const auto known = store_.find(words[1]);
    if (known != store_.end() && known->second != words[2]) {
      violated("two orders have got one id");
    }
    store_[words[1]] = words[2];
    return "+OK\r\n";
  }
  if (words[0] == "GET") {
    const auto known = store_.find(words[1]);
    return known == store_.end()
               ? "$-1\r\n"
               : "$" + std::to_string(known->second.size()) + "\r\n" + known->second + "\r\n";
  }
  return "-ERR unknown command\r\n";
}

void RedisServer::pump(const ConnectionPtr& connection) {
  while (connection != nullptr && !connection->ended && !connection->out.empty()) {
    const long sent = connection->socket->write(connection->out);
    if (sent <= 0) {
      return;
    }
    connection->out.erase(0, static_cast<size_t>(sent));
  }
}

}  // namespace zerogate::simulation
