#include "core/io/stream_writer.h"

#include <sys/socket.h>

#include <cerrno>

namespace zerogate {

int StreamWriter::flush_plain(uv_stream_t* stream) {
  const ssize_t result = write(stream, out_.view());
  if (result < 0 && result != UV_EAGAIN) {
    return static_cast<int>(result);
  }
  const size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
  written_ += taken;
  if (taken == out_.size()) {
    empty(out_);
    return 0;
  }
  const int error = wait_with_rest(stream, out_, taken);
  empty(out_);
  return error;
}

int StreamWriter::flush_sealed(uv_stream_t* stream) {
  if (waiting()) {
    return 0;
  }
  const bool good = sealer_->seal(out_);
  if (out_.empty()) {
    empty(out_);
  }
  int error = 0;
  if (OutBuffer& sealed = sealer_->sealed(); !sealed.empty()) {
    const ssize_t result = write(stream, sealed.view());
    const size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
    written_ += taken;
    if (result < 0 && result != UV_EAGAIN) {
      error = static_cast<int>(result);
    } else if (taken != sealed.size()) {
      error = wait_with_rest(stream, sealed, taken);
    }
  }
  sealer_->sent();
  return good ? error : UV_EPROTO;
}

// A short rest moves: it would hold the memory of all that the kernel has taken, or of the buffer
// in which all streams encrypt.
int StreamWriter::wait_with_rest(uv_stream_t* stream, OutBuffer& bytes, size_t taken) {
  const ByteView rest = bytes.view().substr(taken);
  if (rest.size() <= bytes.capacity() / kShortRest) {
    writing_.append(rest);
  } else {
    writing_.swap(bytes);
  }
  left_ = rest.size();
  const uv_buf_t waiting =
      uv_buf_init(writing_.data() + writing_.size() - left_, static_cast<unsigned>(left_));
  return uv_write(&write_, stream, &waiting, 1, [](uv_write_t* write, int status) {
    static_cast<StreamWriter*>(write->data)->on_written(status);
  });
}

// What uv_try_write does when libuv has nothing queued, which waiting() has told, without the 190
// instructions that 1.44 takes around the system call. A Unix socket says ENOBUFS where memory is
// short for now: libuv waits until it may write, as with EAGAIN.
ssize_t StreamWriter::write(uv_stream_t* stream, ByteView bytes) {
  if (fd_ < 0) [[unlikely]] {
    uv_fileno(reinterpret_cast<uv_handle_t*>(stream), &fd_);
  }
  ssize_t sent;
  do {
    sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == ENOBUFS) {
    return UV_EAGAIN;
  }
  return sent < 0 ? -errno : sent;  // libuv's error numbers are the negated ones of the system
}

void StreamWriter::on_written(int status) {
  if (status == 0) {
    written_ += left_ - taken_;
  }
  empty(writing_);
  left_ = taken_ = 0;
  done_(owner_, status);
}

}  // namespace zerogate
