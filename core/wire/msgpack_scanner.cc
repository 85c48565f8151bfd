#include "core/wire/msgpack_scanner.h"

#include "core/base/word.h"
#include "core/wire/msgpack_form.h"

namespace zerogate::wire {
namespace {

/// A fixstr is the longest value whose first byte alone tells its size.
constexpr size_t kLongestShortForm = 32;

/// All eight are fixints: below 0x80, or from 0xe0 on.
bool are_fixints(uint64_t eight) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  return (eight & ~((eight << 1) & (eight << 2)) & kHighBits) == 0;
}

/// `yes` or `no` without a branch: whoever chooses the bytes would have it guessed wrong half of
/// the time, which costs more than all the rest.
uint64_t choose(bool condition, uint64_t yes, uint64_t no) {
  const uint64_t mask = -static_cast<uint64_t>(condition);
  return (yes & mask) | (no & ~mask);
}

}  // namespace

Scan Scanner::scan(ByteView bytes) noexcept {
  // In registers: what is stored through outer_ may be any of the members, for all that a compiler
  // knows.
  size_t at = at_;
  uint64_t open = open_;
  uint32_t depth = depth_;
  const uint32_t levels = levels_;
  const size_t size = bytes.size();
  ScanError error = ScanError::truncated;
  while (depth != 0) {
    if (at >= size) {
      break;
    }
    const char* const first = bytes.data() + at;
    const size_t present = size - at;
    // One branch for eight values where a list is of small numbers; where all is mixed it is seldom
    // taken.
    if (present >= sizeof(uint64_t) &&
        (are_fixints(load_word(first)) & ((open & kLeft) > sizeof(uint64_t))) != 0) {
      at += sizeof(uint64_t);
      open -= sizeof(uint64_t);
      continue;
    }
    const Form form = form_of(*first);
    if (present < kLongestShortForm && form.size > present) [[unlikely]] {
      break;
    }
    uint64_t items = form.items;
    size_t length = form.size;
    if (form.length_bytes != 0) {
      if (form.length_bytes == kNoForm) {
        error = ScanError::invalid;
        break;
      }
      const uint64_t count = read_count(first + 1, form.length_bytes);
      items = count * form.per_item;
      length += form.per_item == 0 ? count : 0;
    }
    const bool contains = form.per_item != 0;
    if ((open >> kLevelShift) + contains > levels) [[unlikely]] {
      error = ScanError::too_deep;
      break;
    }
    at += length;
    --open;
    const bool opens = items != 0;
    const bool ends = (open & kLeft) == 0;
    const uint64_t below = outer_[depth - 1];
    outer_[depth] = open;  // counts only when it is not the last value of its container
    const uint64_t inner = (open & ~kLeft) + kLevel + items;
    const bool leaves = ends && !opens;
    open = choose(opens, inner, choose(ends, below, open));
    depth += static_cast<uint32_t>(opens && !ends) - static_cast<uint32_t>(leaves);
  }
  at_ = at;
  open_ = open;
  depth_ = depth;
  if (depth != 0 || at > size) {
    return {0, error};
  }
  return {at, ScanError::none};
}

}  // namespace zerogate::wire
