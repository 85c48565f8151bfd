#include "core/io/stream_writer.h"

#include <sys/socket.h>

#include <cerrno>

namespace zerogate {

int StreamWriter::flush(uv_stream_t* stream) {
  if (waiting() || out_.empty()) {
    return 0;
  }
  const ssize_t result = write(stream);
  if (result < 0 && result != UV_EAGAIN) {
    return static_cast<int>(result);
  }
  const size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
  written_ += taken;
  if (taken == out_.size()) {
    empty(out_);
    return 0;
  }
  writing_.swap(out_);
  left_ = writing_.size() - taken;
  const uv_buf_t rest = uv_buf_init(writing_.data() + taken, static_cast<unsigned>(left_));
  return uv_write(&write_, stream, &rest, 1, [](uv_write_t* write, int status) {
    static_cast<StreamWriter*>(write->data)->on_written(status);
  });
}

// What uv_try_write does when libuv has nothing queued, which waiting() has told, without the 190
// instructions that 1.44 takes around the system call.
ssize_t StreamWriter::write(uv_stream_t* stream) {
  uv_os_fd_t fd = -1;
  uv_fileno(reinterpret_cast<uv_handle_t*>(stream), &fd);
  ssize_t sent;
  do {
    sent = send(fd, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;  // libuv's error numbers are the negated ones of the system
}

void StreamWriter::on_written(int status) {
  if (status == 0) {
    written_ += left_;
  }
  empty(writing_);
  left_ = 0;
  done_(owner_, status);
}

void StreamWriter::let_go(std::string& buffer) { std::string().swap(buffer); }

}  // namespace zerogate
