// When a session's peer has stalled, or holds up others.
#include <algorithm>
#include <utility>

#include "core/io/tls_layer.h"
#include "core/listener/listener.h"
#include "core/listener/peer_socket.h"
#include "core/listener/stream_session.h"

namespace zerogate {

bool StreamSession::reads_slowly() const {
  return unread_since_ms_ != 0 && shared_.clock.now_ms() - unread_since_ms_ >= kSlowReaderMs;
}

uint64_t StreamSession::waits_since_ms() const {
  const uint64_t unread = unread_since_ms_ != 0 ? reads_slowly_since_ms_ : 0;
  const uint64_t partial = partial_since_ms();
  return partial == 0 || unread == 0 ? std::max(partial, unread) : std::min(partial, unread);
}

void StreamSession::measure_progress() {
  const auto more = [](size_t now, size_t before) { return now - std::min(now, before); };
  const size_t kept = stream_.reader().size();
  progress_ = more(kept, std::exchange(kept_at_check_, kept));
  if (unread_since_ms_ != 0) {
    progress_ += more(queued_at_check_, stream_.unread());
  }
}

// One that waits for memory sends nothing by no fault of its own, but is of less use than one that
// goes on.
double StreamSession::pace() const {
  if (stream_.waits_for_memory()) {
    return kSlowPace;
  }
  const bool claims = stream_.holds_claim();
  const size_t received = claims ? stream_.reader().frame_size() : received_bytes();
  return static_cast<double>(progress_ + kLeastProgress) /
         static_cast<double>(std::max<size_t>(received + held_bytes(), 1));
}

// While it waits for memory it is not read, and then its time begins anew. What waits for its
// peer's own calls, none of which ends, is judged as well: any number of peers could hold all
// memory so.
bool StreamSession::is_judged(uint64_t now_ms) const {
  const uint64_t waits_ms = waits_since_ms();
  const uint64_t since_ms = waits_ms != 0 || unread_since_ms_ != 0 ? waits_ms : stands_since_ms_;
  return since_ms != 0 && now_ms - since_ms >= kSlowReaderMs && !waited_for_memory_ &&
         !stream_.waits_for_memory();
}

// It is not read, so that nothing tells of its peer's end. What a peer has asked for as a whole
// before it closed its side is still answered.
bool StreamSession::waits_in_vain(uint64_t now_ms) {
  if (now_ms - stands_since_ms_ > kLongestWait * shared_.options.stall_timeout_ms) {
    reject(Rejected::receive_memory);
    return true;
  }
  const PeerSocket socket(fd());
  const PeerSocket::End end = socket.ended();
  if (end == PeerSocket::End::broken) {
    close();
    return true;
  }
  const FrameReader& reader = stream_.reader();
  if (end == PeerSocket::End::in_order &&
      reader.size() + stream_.most_in_tls() + socket.unread() < reader.frame_size()) {
    malformed(Malformed::truncated);
    return true;
  }
  return false;
}

bool StreamSession::check_frame(uint64_t now_ms) {
  if (stream_.waits_for_memory()) {
    waited_for_memory_ = true;
    return !waits_in_vain(now_ms);
  }
  if (std::exchange(waited_for_memory_, false) && partial_since_ms() != 0) {
    stands_since_ms_ = now_ms;  // it is read again
  }
  const uint64_t slow_ms = stream_.reader().frame_size() / kSlowestBytesPerSecond * 1'000;
  if (const uint64_t since_ms = partial_since_ms();
      since_ms != 0 && now_ms - since_ms > shared_.options.stall_timeout_ms + slow_ms) {
    reject(Rejected::stalled);
    return false;
  }
  return true;
}

bool StreamSession::holds_up_others(uint64_t now_ms) const {
  return shared_.memory.waiting() && held_bytes() > FrameReader::kSharedBytes &&
         now_ms - reads_slowly_since_ms_ >= kSlowReaderMs;
}

bool StreamSession::check_stall(uint64_t now_ms) {
  if (shaking_since_ms_ != 0) {
    if (now_ms - shaking_since_ms_ < shared_.tls->timeout_ms) {
      return true;
    }
    stream_.tls()->give_up(TlsResult::timeout);
    refuse(TlsResult::timeout, "it did not finish the handshake in time");
    return false;
  }
  if (greeting_since_ms_ != 0) {
    if (now_ms - greeting_since_ms_ < shared_.options.greeting_ms) {
      return true;
    }
    shared_.refusals.count(Malformed::bad_handshake, [this] { return peer(); });
    close();
    return false;
  }
  measure_progress();
  if (!check_frame(now_ms)) {
    return unread_since_ms_ != 0 && !closed_;
  }
  if (unread_since_ms_ != 0) {
    const size_t queued = stream_.unread();
    const size_t before = std::exchange(queued_at_check_, queued);
    if (before > queued) {
      unread_since_ms_ = now_ms;
    }
    if (before > queued + kSlowestBytesPerSecond) {
      reads_slowly_since_ms_ = now_ms;
    }
    if (now_ms - unread_since_ms_ > shared_.options.stall_timeout_ms) {
      reject(Rejected::slow_reader);
      return false;
    }
    if (holds_up_others(now_ms)) {
      reject(Rejected::send_memory);
      return false;
    }
  }
  return partial_since_ms() != 0 || unread_since_ms_ != 0 || (open_ && !reading_);
}

}  // namespace zerogate
