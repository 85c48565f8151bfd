// The part of TcpStream that is between the socket's encrypted bytes and the owner's plain ones.
#include <sys/socket.h>

#include <cassert>
#include <utility>

#include "core/io/tcp_stream.h"
#include "core/io/tls_layer.h"

namespace zerogate {

void TcpStream::secure(const TlsUse& use) {
  TlsLoop::Waiter& waiter = *this;
  tls_ = std::make_unique<TlsLayer>(use, waiter);
  shell_->writer.set_sealer(tls_.get());
}

int TcpStream::read_on_tls() {
  if (!tls_->session().open() && !tls_->shaking()) {
    tls_->begin();
    if (tls_->session().context().side() == TlsSide::backend) {
      tls_->come_back();  // this end speaks first
    }
  }
  // What has been read before wakes up no poll, and comes before the socket's next bytes.
  if (tls_->has_pending()) {
    tls_->come_back();
    return 0;
  }
  const auto alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    TcpStream& self = *static_cast<Shell*>(handle->data)->stream;
    *buffer = uv_buf_init(self.tls_->loop().read_buffer(), FrameReader::kSharedBytes);
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
    const ByteView bytes(buffer->base, size > 0 ? static_cast<size_t>(size) : 0);
    TcpStream& self = *static_cast<Shell*>(stream->data)->stream;
    self.on_tls_read(size, bytes);
    self.give_way(size, buffer->len);
  };
  const int error = uv_read_start(&shell_->uv.stream, alloc, read);
  return error == UV_EALREADY ? 0 : error;
}

// The peer may close without a word of TLS about it: frames say by themselves whether they are
// whole.
void TcpStream::on_tls_read(ssize_t size, ByteView encrypted) {
  if (size == 0) {
    return;
  }
  if (size < 0) {
    tls_->give_up(TlsResult::protocol);
    return owner_.on_closed(static_cast<int>(size));
  }
  if (totals_ != nullptr) {
    totals_->received += encrypted.size();
  }
  tls_->feed(encrypted);
  work_on_tls();
}

// As if its owner read until now, which it may not have done.
void TcpStream::read_tls_now(size_t most) {
  if (!tls_->session().open()) {
    return;
  }
  const bool reads_on = std::exchange(reading_, true);
  for (size_t all = 0; shell_ != nullptr && reading_ && !waits_for_memory();) {
    if (has_encrypted()) {
      work_on_tls();
      continue;
    }
    char* const buffer = tls_->loop().read_buffer();
    const ssize_t size =
        all < most ? ::recv(fd(), buffer, FrameReader::kSharedBytes, MSG_DONTWAIT) : 0;
    if (size <= 0) {
      break;
    }
    all += static_cast<size_t>(size);
    on_tls_read(size, {buffer, static_cast<size_t>(size)});
  }
  if (shell_ != nullptr) {
    reading_ = reading_ && reads_on;
    account_kept();
  }
}

bool TcpStream::is_shaking() const { return tls_->shaking(); }

void TcpStream::on_turn() {
  work_on_tls();
  if (shell_ != nullptr && reading_) {
    if (const int error = read_on(); error != 0) {
      owner_.on_closed(error);
    }
  }
}

void TcpStream::work_on_tls() {
  if (tls_->session().open() || shake_hands()) {
    decrypt();
  }
  if (shell_ == nullptr) {
    return;
  }
  tls_->hold();
  account_encrypted(tls_->held());
  if (tls_->has_pending() && shell_->opened) {
    uv_read_stop(&shell_->uv.stream);  // until that is worked on
  }
}

bool TcpStream::shake_hands() {
  const TlsSession::Status status = tls_->shake_hands();
  if (status == TlsSession::Status::failed) {
    fail_tls();
    return false;
  }
  if (const int error = flush(); error != 0) {
    tls_->give_up(TlsResult::protocol);
    owner_.on_closed(error);
    return false;
  }
  if (status != TlsSession::Status::ok) {
    return false;
  }
  owner_.on_connected();
  return shell_ != nullptr;
}

void TcpStream::decrypt() {
  TlsSession& session = tls_->session();
  while (reading_ && !waits_for_memory()) {
    const uv_buf_t space = reader_.space(read_buffer_);
    assert(space.len > 0);
    const TlsSession::Read read = session.read(space.base, space.len);
    if (read.size > 0) {
      const FrameReader::Chunk chunk = reader_.take(read_buffer_, read.size);
      account_kept();
      if (!chunk.bytes.empty()) {
        owner_.on_bytes(chunk.bytes);
        give_back_claim();
      }
      if (shell_ == nullptr) {
        return;
      }
    }
    switch (read.status) {
      case TlsSession::Status::ok:
        continue;
      case TlsSession::Status::wants_more:
        if (!session.sealed().empty() && flush() != 0) {
          owner_.on_closed(kTlsFailed);
        }
        return;
      case TlsSession::Status::ended:
        if (!reading_ || waits_for_memory()) {
          return;  // what came before it waits, and comes first
        }
        stop_reading();
        return owner_.on_closed(UV_EOF);
      case TlsSession::Status::failed:
        return fail_tls();
    }
  }
}

// Beside what was read, OpenSSL has a record that is not whole, and the rest of one that is.
size_t TcpStream::most_in_tls() const {
  constexpr size_t kRecords = size_t{2} * (16 << 10);
  return tls_ != nullptr ? tls_->held() + kRecords : 0;
}

bool TcpStream::has_encrypted() const {
  return tls_ != nullptr && tls_->session().open() && tls_->has_pending();
}

void TcpStream::fail_tls() {
  stop_reading();
  (void)flush();  // the alert
  owner_.on_closed(kTlsFailed);
}

// A peer that waits for more hears that none comes.
void TcpStream::say_end() {
  if (tls_ != nullptr && tls_->session().open() && !shell_->writer.waiting() && shell_->opened) {
    tls_->session().end();
    (void)flush();
  }
}

void TcpStream::close_tls() {
  tls_->stop_waiting();
  account_encrypted(0);
  say_end();
  shell_->writer.set_sealer(nullptr);
}

std::string_view TcpStream::why(int error) const {
  const bool of_tls = error == kTlsFailed && tls_ != nullptr && !tls_->session().reason().empty();
  return of_tls ? std::string_view(tls_->session().reason()) : reason(error);
}

}  // namespace zerogate
