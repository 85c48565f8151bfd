// parse_frame as a session uses it: however the stream is cut into reads, the same frames come out.
// Input: a byte for the message limit, a byte for the cuts, then the stream.

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "core/wire/t3.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;
using wire::t3::Frame;
using wire::t3::FrameStatus;

namespace {

struct Seen {
  FrameStatus status;
  size_t size;
  uint32_t id;
  uint8_t flag;
  std::string payload;
  bool operator==(const Seen&) const = default;
};

/// What a connection does with its bytes: takes frames until one is not whole.
class Session {
 public:
  explicit Session(size_t max_message) : max_message_(max_message) {}

  void feed(ByteView bytes) {
    if (closed_) {
      return;
    }
    buffer_ += bytes;
    for (;;) {
      const Frame frame = wire::t3::parse_frame(buffer_, max_message_);
      if (frame.status == FrameStatus::incomplete) {
        check(frame.size == 0 || frame.size > buffer_.size(), "incomplete lacks bytes");
        return;
      }
      seen_.push_back({frame.status, frame.size, frame.id, frame.flag, std::string(frame.payload)});
      if (frame.status != FrameStatus::whole) {
        closed_ = true;
        return;
      }
      check_whole(frame);
      buffer_.erase(0, frame.size);
    }
  }

  const std::vector<Seen>& seen() const { return seen_; }

 private:
  void check_whole(const Frame& frame) {
    check(frame.size <= buffer_.size(), "a whole frame is in the buffer");
    check(frame.payload.size() + wire::t3::kHeaderBytes == frame.size, "the payload fills it");
    check(!frame.payload.empty() && frame.payload.size() <= max_message_, "the limit holds");
    if (frame.flag > 1) {
      return;
    }
    std::string written;
    wire::t3::write_frame(written, frame.id, frame.flag == 1, frame.payload);
    check(written == ByteView(buffer_).substr(0, frame.size), "write_frame writes it again");
  }

  size_t max_message_;
  std::string buffer_;
  std::vector<Seen> seen_;
  bool closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  static constexpr size_t kLimits[] = {16 << 20, SIZE_MAX, 64, 8};
  const size_t limit = kLimits[data[0] % std::size(kLimits)];
  uint32_t cuts = data[1];
  const ByteView stream = fuzz::view_of(data + 2, size - 2);

  Session at_once(limit);
  at_once.feed(stream);
  Session in_pieces(limit);
  for (size_t at = 0; at < stream.size();) {
    cuts = cuts * 1664525u + 1013904223u;  // a linear congruential generator: cheap, repeatable
    const size_t piece = std::min<size_t>(1 + (cuts >> 16) % 23, stream.size() - at);
    in_pieces.feed(stream.substr(at, piece));
    at += piece;
  }
  check(at_once.seen() == in_pieces.seen(), "the cuts make no difference");
  return 0;
}
