#include "core/client/tcp_client.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "core/client/limits.h"
#include "core/client/resolve.h"
#include "core/wire/t3.h"

namespace zerogate {
namespace {

constexpr size_t kReadBytes = 64 << 10;

/// As strerror, beginning small, since it stands in the middle of a line.
std::string error_text(int error) {
  std::string text = std::strerror(error);
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

/// A server of another protocol often resets: it may not have read all that we sent.
std::string broke(int error) {
  return fmt::format("broke the connection: {}; does it speak Zero's TCP protocol?",
                     error_text(error));
}

/// Waits until the socket is ready. False when the deadline came first.
bool wait_for(int fd, short events, const Deadline& deadline) {
  for (;;) {
    pollfd polled{fd, events, 0};
    const int ready = poll(&polled, 1, deadline.left_ms());
    if (ready > 0) return true;
    if (ready == 0 && deadline.passed()) return false;
    if (ready < 0 && errno != EINTR && errno != EAGAIN) return true;  // the next call will tell
  }
}

/// Connects to one address. Returns 0 or an errno.
int connect_socket(const SocketAddress& address, const Deadline& deadline, UniqueFd& out) {
  const int family = address.storage.ss_family;
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  int error = connect(fd.get(), address.get(), address.size) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EINTR) {
    if (!wait_for(fd.get(), POLLOUT, deadline)) return ETIMEDOUT;
    socklen_t size = sizeof error;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  }
  if (error != 0) return error;
  if (family != AF_UNIX) {
    const int on = 1;  // a request is one write: nothing to gain from waiting for more
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  out = std::move(fd);
  return 0;
}

}  // namespace

Result<std::unique_ptr<Client>> TcpClient::connect(const ClientUrl& url, uint32_t timeout_ms) {
  auto addresses = resolve(url.address);
  if (!addresses)
    return Error{fmt::format("cannot connect to {}: {}", url.text, addresses.error())};
  const Deadline deadline(timeout_ms);
  int error = EADDRNOTAVAIL;  // replaced: there is at least one address
  size_t left = addresses.value().size();
  for (const SocketAddress& address : addresses.value()) {
    // An address that swallows packets must leave time for those behind it.
    const Deadline share(static_cast<uint32_t>(deadline.left_ms()) / static_cast<uint32_t>(left--));
    UniqueFd fd;
    error = connect_socket(address, share, fd);
    if (error == 0) {
      return std::unique_ptr<Client>(new TcpClient(std::move(fd), url.text, timeout_ms));
    }
  }
  const std::string why =
      error == ETIMEDOUT ? fmt::format("no answer within {} ms", timeout_ms) : error_text(error);
  return Error{fmt::format("cannot connect to {}: {}; is the gateway running?", url.text, why)};
}

Error TcpClient::no_answer() const {
  return Error{fmt::format("no answer from {} within {} ms", url_, timeout_ms_)};
}

Error TcpClient::broken(std::string_view what) {
  socket_.reset();
  return Error{fmt::format("{} {}", url_, what)};
}

Result<ClientReply> TcpClient::call(ByteView function, ByteView argument) {
  if (!socket_) return broken("is no longer connected; connect again");
  if (function.size() + argument.size() > kMaxRequestBytes) {
    return Error{fmt::format("the request is longer than {} bytes", kMaxRequestBytes)};
  }
  const Deadline deadline(timeout_ms_);
  std::string request;
  const uint32_t id = ++last_id_;
  wire::t3::write_request(request, id, function, argument);
  const Status sent = send(request, deadline);
  if (!sent) return Error{sent.error()};
  return receive(id, deadline);
}

Status TcpClient::send(ByteView bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket_.get(), POLLOUT, deadline)) {
        socket_.reset();  // half a frame has been sent
        return no_answer();
      }
    } else if (errno != EINTR) {
      return broken(broke(errno));
    }
  }
  return ok_status();
}

Result<ClientReply> TcpClient::receive(uint32_t id, const Deadline& deadline) {
  std::array<char, kReadBytes> chunk;
  for (;;) {
    using wire::t3::FrameStatus;
    const auto frame = wire::t3::parse_frame(received_, kMaxReplyBytes);
    if (frame.status == FrameStatus::whole) {
      // A reply with another id belongs to a call that timed out: dropped, as Zero's client does.
      const bool ours = frame.id == id;
      ClientReply reply{frame.flag != 0, std::string(ours ? frame.payload : ByteView())};
      received_.erase(0, frame.size);
      if (ours) return reply;
      continue;
    }
    if (frame.status == FrameStatus::other_protocol) {
      return broken("does not speak Zero's TCP protocol; is it a ZeroMQ port (zmq://)?");
    }
    if (frame.status == FrameStatus::too_large) {
      return broken(fmt::format("sent a reply of over {} bytes", kMaxReplyBytes));
    }
    if (frame.status != FrameStatus::incomplete) return broken("sent a malformed reply");

    if (!wait_for(socket_.get(), POLLIN, deadline)) return no_answer();
    const ssize_t count = recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (count > 0) {
      received_.append(chunk.data(), static_cast<size_t>(count));
    } else if (count == 0) {
      return broken("closed the connection instead of answering; its log may say why");
    } else if (errno != EAGAIN && errno != EINTR) {
      return broken(broke(errno));
    }
  }
}

}  // namespace zerogate
