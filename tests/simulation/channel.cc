#include "tests/simulation/channel.h"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>

namespace zerogate::simulation {
namespace {

constexpr size_t kPiece = 16 << 10;
constexpr uint32_t kNewKeyOneIn = 20;
/// More of them in one read of the gateway's are an attack: TlsSession::kMaxLateSteps.
constexpr uint64_t kBytesForOneKey = 4 << 10;

}  // namespace

Channel::Channel(SocketPtr socket, SSL_CTX* tls)
    : socket_(std::move(socket)), ssl_(tls != nullptr ? SSL_new(tls) : nullptr) {
  if (!over_tls()) {
    return;
  }
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (SSL_is_server(ssl_.get()) != 0) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

void Channel::seal() {
  BIO* out = SSL_get_wbio(ssl_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  sealed_.append({data, static_cast<size_t>(size)});
  sealed_bytes_ += static_cast<uint64_t>(size);
  (void)BIO_reset(out);
  flush();
  ERR_clear_error();  // the gateway's sessions are on this thread, and have the same list
}

void Channel::flush() {
  sealed_.write_to([this](std::string_view bytes) { return socket_->write(bytes); });
  if (ends_ && sealed_.empty()) {
    socket_->end_writing();
  }
}

long Channel::write(std::string_view plain) {
  if (!over_tls()) {
    return socket_->write(plain);
  }
  flush();
  if (!sealed_.empty() || plain.empty() || ends_) {
    return -EAGAIN;
  }
  SSL* ssl = ssl_.get();
  if (SSL_is_init_finished(ssl) != 0 && world().chance(kNewKeyOneIn) &&
      sealed_bytes_ >= next_key_at_) {
    next_key_at_ = sealed_bytes_ + kBytesForOneKey;
    SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
  }
  const int taken = SSL_write(ssl, plain.data(), static_cast<int>(std::min(plain.size(), kPiece)));
  seal();
  if (taken <= 0) {
    return -EAGAIN;  // why, shows when it is read
  }
  plain_bytes_ += static_cast<uint64_t>(taken);
  marks_.emplace_back(sealed_bytes_, plain_bytes_);
  return taken;
}

// The end is the connection's, not what TLS says of it before: by then the other end has taken
// what it takes.
long Channel::read(char* to, size_t size) {
  if (!over_tls()) {
    return socket_->read(to, size);
  }
  while (true) {
    if (!peer_ended_) {
      const int got = SSL_read(ssl_.get(), to, static_cast<int>(size));
      const int error = SSL_get_error(ssl_.get(), got);
      seal();
      if (got > 0) {
        return got;
      }
      peer_ended_ = error == SSL_ERROR_ZERO_RETURN;
      if (error != SSL_ERROR_WANT_READ && !peer_ended_) {
        return -EPROTO;
      }
    }
    char bytes[kPiece];
    const long got = socket_->read(bytes, sizeof bytes);
    if (got <= 0) {
      return got;
    }
    if (!peer_ended_) {
      BIO_write(SSL_get_rbio(ssl_.get()), bytes, static_cast<int>(got));
    }
  }
}

void Channel::write_raw(std::string_view bytes) {
  sealed_.append(bytes);
  sealed_bytes_ += bytes.size();
  flush();
}

void Channel::may_say_end() {
  if (over_tls() && world().chance(2)) {
    SSL_shutdown(ssl_.get());
    seal();
  }
}

void Channel::end_writing() {
  may_say_end();
  ends_ = true;
  flush();
}

void Channel::close() {
  may_say_end();
  socket_->close();
}

uint64_t Channel::plain_of(uint64_t sent) const {
  if (!over_tls()) {
    return sent;
  }
  uint64_t plain = 0;
  for (const auto& [sealed, so_far] : marks_) {
    if (sealed <= sent) {
      plain = so_far;
    }
  }
  return plain;
}

}  // namespace zerogate::simulation
