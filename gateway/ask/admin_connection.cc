#include "gateway/ask/admin_connection.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "core/client/connect.h"

namespace zerogate {
namespace {

Error too_late() { return Error{"no answer in time"}; }

X509Ptr first_certificate(const std::string& pem) {
  return X509Ptr(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
}

}  // namespace

Result<AdminConnection> AdminConnection::open(const AdminPlace& place, const Deadline& deadline) {
  auto fd = connect_to(place.address, static_cast<uint32_t>(deadline.left_ms()));
  if (!fd) {
    return Error{fd.error()};
  }
  AdminConnection connection(std::move(fd).value());
  if (place.https) {
    if (Status status = connection.shake_hands(place, deadline); !status) {
      return Error{status.error()};
    }
  }
  return connection;
}

// Who asks knows the very certificate: names and CAs, which others check, say less.
Status AdminConnection::shake_hands(const AdminPlace& place, const Deadline& deadline) {
  const SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  tls_.reset(context ? SSL_new(context.get()) : nullptr);
  if (!tls_ || SSL_set_fd(tls_.get(), fd_.get()) != 1) {
    return Error{"no memory for TLS"};
  }
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(tls_.get());
    if (result == 1) {
      break;
    }
    if (auto error = wait_after(result, deadline)) {
      return *std::move(error);
    }
  }
  const X509Ptr shown(SSL_get1_peer_certificate(tls_.get()));
  const X509Ptr wanted = first_certificate(place.certificate);
  if (wanted && (!shown || X509_cmp(shown.get(), wanted.get()) != 0)) {
    return Error{
        "it shows another certificate than the one of admin_tls.cert; was the file renewed after "
        "the gateway looked last (tls.watch)?"};
  }
  return ok_status();
}

std::optional<Error> AdminConnection::wait_after(int result, const Deadline& deadline) const {
  const int system = errno;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait_for(fd_.get(), POLLIN, deadline) ? std::nullopt : std::optional(too_late());
    case SSL_ERROR_WANT_WRITE:
      return wait_for(fd_.get(), POLLOUT, deadline) ? std::nullopt : std::optional(too_late());
    case SSL_ERROR_SYSCALL:
      return Error{system != 0 ? errno_text(system) : "it closed the connection"};
    default:
      return Error{"what answers there speaks no TLS; is admin_tls in force there?"};
  }
}

Status AdminConnection::send(std::string_view bytes, const Deadline& deadline) {
  while (tls_) {
    ERR_clear_error();
    const int result = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (result > 0) {
      return ok_status();  // OpenSSL takes all of it, or is to be called again
    }
    if (auto error = wait_after(result, deadline)) {
      return *std::move(error);
    }
  }
  // A request is so short that it fits into the socket's buffer whole.
  return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                 static_cast<ssize_t>(bytes.size())
             ? ok_status()
             : Error{errno_text(errno)};
}

Result<size_t> AdminConnection::receive(std::span<char> room, const Deadline& deadline) {
  while (tls_) {
    ERR_clear_error();
    const int result = SSL_read(tls_.get(), room.data(), static_cast<int>(room.size()));
    if (result > 0) {
      return static_cast<size_t>(result);
    }
    if (SSL_get_error(tls_.get(), result) == SSL_ERROR_ZERO_RETURN) {
      return size_t{0};
    }
    if (auto error = wait_after(result, deadline)) {
      return *std::move(error);
    }
  }
  for (;;) {
    if (!wait_for(fd_.get(), POLLIN, deadline)) {
      return too_late();
    }
    const ssize_t count = recv(fd_.get(), room.data(), room.size(), 0);
    if (count >= 0) {
      return static_cast<size_t>(count);
    }
    if (errno != EAGAIN && errno != EINTR) {
      return Error{errno_text(errno)};
    }
  }
}

}  // namespace zerogate
