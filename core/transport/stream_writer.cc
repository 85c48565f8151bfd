#include "core/transport/stream_writer.h"

namespace zerogate {

int StreamWriter::flush(uv_stream_t* stream) {
  if (waiting() || out_.empty()) return 0;
  const uv_buf_t all = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
  const int result = uv_try_write(stream, &all, 1);
  if (result < 0 && result != UV_EAGAIN) return result;
  const size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
  written_ += taken;
  if (taken == out_.size()) {
    empty(out_);
    return 0;
  }
  writing_.swap(out_);
  taken_ = taken;
  const uv_buf_t rest =
      uv_buf_init(writing_.data() + taken_, static_cast<unsigned>(writing_.size() - taken_));
  return uv_write(&write_, stream, &rest, 1, [](uv_write_t* write, int status) {
    static_cast<StreamWriter*>(write->data)->on_written(status);
  });
}

void StreamWriter::on_written(int status) {
  if (status == 0) written_ += writing_.size() - taken_;
  empty(writing_);
  taken_ = 0;
  done_(owner_, status);
}

void StreamWriter::empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptCapacity) std::string().swap(buffer);
}

}  // namespace zerogate
