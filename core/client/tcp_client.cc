#include "core/client/tcp_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "core/client/client_reply.h"
#include "core/client/connect.h"
#include "core/client/limits.h"
#include "core/wire/t3.h"

namespace zerogate {
namespace {

constexpr size_t kReadBytes = 64 << 10;

/// A server of another protocol often resets: it may not have read all that we sent.
std::string broke(int error) {
  return fmt::format("broke the connection: {}; does it speak Zero's TCP protocol?",
                     errno_text(error));
}

}  // namespace

Result<std::unique_ptr<Client>> TcpClient::connect(const ServerUrl& url, uint32_t timeout_ms) {
  Result<UniqueFd> fd = connect_to(url.address, timeout_ms);
  if (!fd) {
    return Error{fmt::format("cannot connect to {}: {}", url.display(), fd.error())};
  }
  return std::unique_ptr<Client>(new TcpClient(std::move(fd).value(), url.display(), timeout_ms));
}

Error TcpClient::no_answer() const {
  return Error{fmt::format("no answer from {} within {} ms{}", url_, timeout_ms_,
                           heard_ ? "" : "; is this a port of Zero's TCP protocol?")};
}

Error TcpClient::broken(std::string_view what) {
  socket_.reset();
  return Error{fmt::format("{} {}", url_, what)};
}

Result<ClientReply> TcpClient::call(ByteView function, ByteView argument) {
  if (!socket_) {
    return broken("is no longer connected; connect again");
  }
  if (function.size() + argument.size() > kMaxRequestBytes) {
    return Error{fmt::format("the request is longer than {} bytes", kMaxRequestBytes)};
  }
  const Deadline deadline(timeout_ms_);
  std::string request;
  const uint32_t id = ++last_id_;
  wire::t3::write_request(request, id, function, argument);
  const Status sent = send(request, deadline);
  if (!sent) {
    return Error{sent.error()};
  }
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
    Result<std::optional<ClientReply>> reply = take_tcp_reply(received_, id);
    if (!reply) {
      return broken(reply.error());
    }
    if (reply.value()) {
      return *std::move(reply).value();
    }
    if (!wait_for(socket_.get(), POLLIN, deadline)) {
      return no_answer();
    }
    const ssize_t count = recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (count > 0) {
      heard_ = true;
      received_.append(chunk.data(), static_cast<size_t>(count));
    } else if (count == 0) {
      return broken("closed the connection instead of answering; its log may say why");
    } else if (errno != EAGAIN && errno != EINTR) {
      return broken(broke(errno));
    }
  }
}

}  // namespace zerogate
