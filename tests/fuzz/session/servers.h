// What stands behind the gateway: servers of two backends and Redis. Each is honest, until the
// input says otherwise.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "tests/simulation/network.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::fuzz {

/// What a server does with requests.
enum class Mode : uint8_t {
  honest,
  by_hand,  ///< greets, and answers all else only as the input says
  deaf,     ///< does not greet either
  stuck,    ///< reads nothing
  down,     ///< has ended its connections, and refuses new ones
};
inline constexpr size_t kModes = static_cast<size_t>(Mode::down) + 1;

/// What becomes of one connection.
enum class End : uint8_t { close, reset, half_close, stop_reading, read_on };
inline constexpr size_t kEnds = static_cast<size_t>(End::read_on) + 1;

class Server {
 public:
  virtual ~Server() = default;
  virtual void set_mode(Mode mode) = 0;
  /// On the connection of this number: this, as it is. ZeroMQ: a message of these frames.
  virtual void say(size_t connection, std::vector<std::string> frames) = 0;
  /// This, to what was asked first there and has no answer.
  virtual void answer(size_t connection, ByteView body) = 0;
  virtual void disconnect(size_t connection, End how) = 0;
  /// Honest again, on connections where nothing strange was said.
  virtual void heal() = 0;
  /// Something strange was said by it in which this stands.
  virtual bool said(ByteView body) const = 0;
};

/// A server over a byte stream.
class StreamServer : public Server {
 public:
  explicit StreamServer(std::string address) : address_(std::move(address)) {}
  ~StreamServer() override;
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  void start();
  void set_mode(Mode mode) override;
  void say(size_t connection, std::vector<std::string> frames) override;
  void answer(size_t connection, ByteView body) override;
  void disconnect(size_t connection, End how) override;
  void heal() override;
  bool said(ByteView body) const override;

 protected:
  struct Request {
    uint32_t id = 0;
    bool greets = false;
    std::string reply;  ///< an honest one, as on the wire
  };
  struct Connection {
    simulation::SocketPtr socket;
    std::string in, out;
    std::string all;  ///< that was ever sent
    std::deque<Request> waiting;
    uint32_t under_way = 0;  ///< requests that are being answered
    bool strange = false;    ///< something was said here that no honest server says
    bool deaf = false;
    bool ended = false;
  };

  /// Takes the next request out of `connection.in`. False: it is not whole.
  virtual bool take(Connection& connection, Request& request) = 0;
  virtual std::string reply_to(const Request& request, ByteView body) const = 0;
  /// Requests, answered ones left out, that the gateway may have under way on a connection.
  uint32_t most_waiting_ = UINT32_MAX;

 private:
  using ConnectionPtr = std::shared_ptr<Connection>;

  void accept(const simulation::SocketPtr& socket);
  void read(const ConnectionPtr& connection);
  void work(const ConnectionPtr& connection);
  void send(const ConnectionPtr& connection, ByteView bytes);
  void pump(const ConnectionPtr& connection);
  void end(const ConnectionPtr& connection);
  ConnectionPtr at(size_t number) const;

  const std::string address_;
  Mode mode_ = Mode::honest;
  bool listening_ = false;
  std::vector<ConnectionPtr> connections_;
  std::vector<std::string> strange_;  ///< what connections have sent that have ended
};

/// Serves every function: with its name and argument.
class TcpBackend final : public StreamServer {
 public:
  /// `most_waiting`: calls at a time on each connection.
  TcpBackend(std::string address, uint32_t most_waiting) : StreamServer(std::move(address)) {
    most_waiting_ = most_waiting;
  }

 private:
  bool take(Connection& connection, Request& request) override;
  std::string reply_to(const Request& request, ByteView body) const override;
};

class Redis final : public StreamServer {
 public:
  explicit Redis(std::string address) : StreamServer(std::move(address)) {}

 private:
  bool take(Connection& connection, Request& request) override;
  std::string reply_to(const Request& request, ByteView body) const override;
  std::string reply_to(const std::vector<std::string>& words);

  std::map<std::string, std::string> store_;
};

/// As TcpBackend, over ZeroMQ.
class ZmqBackend final : public Server {
 public:
  explicit ZmqBackend(std::string address) : address_(std::move(address)) {}
  ~ZmqBackend() override;
  ZmqBackend(const ZmqBackend&) = delete;
  ZmqBackend& operator=(const ZmqBackend&) = delete;

  void start();
  void set_mode(Mode mode) override;
  void say(size_t connection, std::vector<std::string> frames) override;
  void answer(size_t connection, ByteView body) override;
  void disconnect(size_t connection, End how) override;
  void heal() override;
  bool said(ByteView body) const override;

 private:
  struct Request {
    std::string id;
    bool greets = false;
    std::string result;
  };
  struct Connection {
    simulation::ZmqLinkPtr link;
    std::deque<Request> waiting;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  void accept(const simulation::ZmqLinkPtr& link);
  void take(const ConnectionPtr& connection, ByteView body);
  void work(const ConnectionPtr& connection);
  ConnectionPtr at(size_t number) const;

  const std::string address_;
  Mode mode_ = Mode::honest;
  bool listening_ = false;
  std::vector<ConnectionPtr> connections_;
  std::vector<std::string> strange_;
};

}  // namespace zerogate::fuzz
