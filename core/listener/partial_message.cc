#include "core/listener/partial_message.h"

#include <algorithm>

namespace zerogate {

uint64_t PartialMessage::stands_still_ms(uint64_t received, uint64_t read, uint64_t now_ms) {
  const uint64_t rest = received - std::min(received, read);
  const bool partial = rest > own_ + kOwnBytes;
  if (!partial) {
    own_ = rest;
  }
  if (!partial || received != received_ || read != read_) {
    moved_ms_ = now_ms;
  }
  received_ = received;
  read_ = read;
  return now_ms - moved_ms_;
}

}  // namespace zerogate
