#include "core/client/zmq_client.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <zmq.h>

#include <cassert>
#include <cerrno>
#include <optional>
#include <vector>

#include "core/client/client_reply.h"
#include "core/client/limits.h"
#include "core/client/resolve.h"
#include "core/io/zmq_socket.h"
#include "core/wire/w5.h"

namespace zerogate {
namespace {

/// A fresh request id. Never 16 zero bytes, which the gateway uses for frames that no client
/// asked for, but with a chance of 2^-128.
std::string make_id() {
  std::string id(wire::w5::kIdBytes, '\0');
  ssize_t got = -1;
  do {
    got = getrandom(id.data(), id.size(), 0);
  } while (got < 0 && errno == EINTR);
  assert(got == static_cast<ssize_t>(id.size()));  // up to 256 bytes are never cut short
  return id;
}

Error zmq_error(const std::string& url) {
  return Error{fmt::format("cannot connect to {}: {}", url, zmq_strerror(zmq_errno()))};
}

ZmqSocket open_dealer(void* context, const std::string& endpoint) {
  ZmqSocket socket(zmq_socket(context, ZMQ_DEALER));
  if (!socket) {
    return nullptr;
  }
  set_option(socket, ZMQ_LINGER, 0);  // infinite by default: an exit would hang
  set_option(socket, ZMQ_IPV6, 1);
  const int64_t max_bytes = kMaxReplyBytes;
  zmq_setsockopt(socket.get(), ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
  if (zmq_connect(socket.get(), endpoint.c_str()) != 0) {
    return nullptr;
  }
  return socket;
}

Result<std::vector<std::string>> endpoints_of(const Address& address) {
  if (address.is_path()) {
    return std::vector<std::string>{"ipc://" + address.path};
  }
  auto found = resolve(address);
  if (!found) {
    return Error{found.error()};
  }
  std::vector<std::string> endpoints;
  for (const SocketAddress& each : found.value()) {
    endpoints.push_back("tcp://" + each.numeric());
  }
  return endpoints;
}

}  // namespace

/// The sockets of one client: several until the handshake has been answered, one after it.
class ZmqClient::Connection {
 public:
  /// False, with zmq_errno() set, when libzmq refuses an endpoint.
  bool open(const std::vector<std::string>& endpoints) {
    context_.reset(zmq_ctx_new());
    if (!context_) {
      return false;
    }
    for (const std::string& endpoint : endpoints) {
      ZmqSocket socket = open_dealer(context_.get(), endpoint);
      if (!socket) {
        return false;
      }
      sockets_.push_back(std::move(socket));
    }
    return true;
  }

  /// Sends to every socket's queue: before the handshake no peer is there yet, so this cannot
  /// block, and after it there is one.
  bool send(ByteView body, const Deadline& deadline) {
    for (const ZmqSocket& socket : sockets_) {
      set_option(socket, ZMQ_SNDTIMEO, deadline.left_ms());
      if (zmq_send(socket.get(), body.data(), body.size(), 0) < 0) {
        return false;
      }
    }
    return true;
  }

  /// Waits for the reply to `id` on any socket and keeps only that socket. Frames with other ids
  /// are dropped, as Zero's clients do. Empty when the deadline came first.
  std::optional<ClientReply> receive(ByteView id, const Deadline& deadline) {
    for (;;) {
      std::vector<zmq_pollitem_t> items;
      for (const ZmqSocket& socket : sockets_) {
        items.push_back({socket.get(), 0, ZMQ_POLLIN, 0});
      }
      const int left_ms = deadline.left_ms();
      const int ready = zmq_poll(items.data(), static_cast<int>(items.size()), left_ms);
      if (ready <= 0 && left_ms == 0) {
        return std::nullopt;
      }
      for (size_t i = 0; i < items.size(); ++i) {
        if ((items[i].revents & ZMQ_POLLIN) == 0) {
          continue;
        }
        auto reply = take(sockets_[i].get(), id);
        if (!reply) {
          continue;
        }
        ZmqSocket chosen = std::move(sockets_[i]);
        sockets_.clear();
        sockets_.push_back(std::move(chosen));
        return reply;
      }
    }
  }

 private:
  /// Takes one message; what it says when it is the reply to `id`.
  static std::optional<ClientReply> take(void* socket, ByteView id) {
    ZmqMessage message;
    if (!message.receive(socket)) {
      return std::nullopt;
    }
    if (message.more()) {
      drop_rest(socket);
      return std::nullopt;
    }
    return zmq_reply(message.received(), id);
  }

  static void drop_rest(void* socket) {
    ZmqMessage part;
    while (part.receive(socket) && part.more()) {
    }
  }

  ZmqContext context_;  ///< behind the sockets, which must be closed before it ends
  std::vector<ZmqSocket> sockets_;
};

ZmqClient::ZmqClient(std::unique_ptr<Connection> connection, std::string url, uint32_t timeout_ms)
    : connection_(std::move(connection)), url_(std::move(url)), timeout_ms_(timeout_ms) {}

ZmqClient::~ZmqClient() = default;

Result<std::unique_ptr<Client>> ZmqClient::connect(const ServerUrl& url, uint32_t timeout_ms) {
  const auto endpoints = endpoints_of(url.address);
  if (!endpoints) {
    return Error{fmt::format("cannot connect to {}: {}", url.display(), endpoints.error())};
  }
  const Deadline deadline(timeout_ms);
  auto connection = std::make_unique<Connection>();
  if (!connection->open(endpoints.value())) {
    return zmq_error(url.display());
  }

  // The handshake of Zero's clients: the name is not padded here, and whatever comes back is the
  // answer (26 bytes with "connected" from a real server).
  const std::string id = make_id();
  if (!connection->send(id + "connect", deadline) || !connection->receive(id, deadline)) {
    return Error{
        fmt::format("no answer from {} within {} ms; is the gateway running, and is this "
                    "its ZeroMQ port?",
                    url.display(), timeout_ms)};
  }
  return std::unique_ptr<Client>(new ZmqClient(std::move(connection), url.display(), timeout_ms));
}

Result<ClientReply> ZmqClient::call(ByteView function, ByteView argument) {
  if (function.size() > wire::w5::kNameBytes) {
    return Error{fmt::format("a function's name has at most {} bytes over ZeroMQ, this one has {}",
                             wire::w5::kNameBytes, function.size())};
  }
  if (argument.size() > kMaxRequestBytes) {
    return Error{fmt::format("the request is longer than {} bytes", kMaxRequestBytes)};
  }
  const Deadline deadline(timeout_ms_);
  const std::string id = make_id();
  std::string request;
  wire::w5::write_request(request, id, function, argument);
  std::optional<ClientReply> reply;
  if (connection_->send(request, deadline)) {
    reply = connection_->receive(id, deadline);
  }
  if (!reply) {
    return Error{fmt::format("no answer from {} within {} ms", url_, timeout_ms_)};
  }
  return *std::move(reply);
}

}  // namespace zerogate
