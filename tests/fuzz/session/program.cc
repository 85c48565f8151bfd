#include "tests/fuzz/session/program.h"

#include <algorithm>

namespace zerogate::fuzz {
namespace {

constexpr ByteView kOps = "csdflhxrpgzmqyCLMSAE+tTjonND";
/// By their letters only: what other bytes are stays as the corpus has it.
constexpr ByteView kLaterOps = "Zb";
constexpr size_t kMostFrames = 4;

}  // namespace

uint8_t Program::next() {
  if (rest_.empty()) {
    return 0;
  }
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

Op Program::op() {
  const uint8_t byte = next();
  const char letter = static_cast<char>(byte);
  const bool named =
      kOps.find(letter) != ByteView::npos || kLaterOps.find(letter) != ByteView::npos;
  return static_cast<Op>(named ? letter : kOps[byte % kOps.size()]);
}

size_t Program::number() {
  constexpr size_t kDigits = 10;
  const uint8_t byte = next();
  if (byte >= '0' && byte <= '9') {
    return byte - '0';
  }
  if (byte >= 'A' && byte <= 'Z') {
    return byte - 'A' + kDigits;
  }
  return byte;
}

ByteView Program::bytes() {
  const size_t said = number();
  const size_t size = std::min(said, rest_.size());
  const ByteView bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

std::vector<std::string> Program::frames() {
  std::vector<std::string> frames(1 + below(kMostFrames));
  for (std::string& frame : frames) {
    frame = bytes();
  }
  return frames;
}

}  // namespace zerogate::fuzz
