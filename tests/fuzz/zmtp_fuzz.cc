// A peer's end of a connection, cut in every way: greeting, frames and commands are the same
// whatever comes at a time, and what RFC 23 says, written down a second time.
// The first byte of the input chooses the limit, the second how it is cut.

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "core/wire/zmtp.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;
namespace zmtp = wire::zmtp;

namespace {

/// Of what is given byte by byte: each time all that has come is copied.
constexpr size_t kLongestByBytes = 2'048;

uint64_t number(const std::string& bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

/// A string behind its length of `size` bytes, which is cut off. Nothing when it is not whole.
std::optional<std::string> cut_string(std::string& bytes, size_t size) {
  if (bytes.size() < size || bytes.size() - size < number(bytes, 0, size)) {
    return std::nullopt;
  }
  const std::string string = bytes.substr(size, number(bytes, 0, size));
  bytes.erase(0, size + string.size());
  return string;
}

bool names_a_peer(std::string properties) {
  std::string type;
  while (!properties.empty()) {
    const auto name = cut_string(properties, 1);
    const auto value = name ? cut_string(properties, 4) : std::nullopt;
    if (!value) {
      return false;
    }
    std::string lower = *name;
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "socket-type") {
      type = *value;
    }
  }
  return type == "DEALER" || type == "REQ" || type == "ROUTER";
}

void check_pong(const std::string& ping) {
  OutBuffer out;
  zmtp::write_pong(out, ping);
  if (ping.size() < 2) {
    return check(out.empty(), "what has no time-to-live is no PING");
  }
  const auto frame = zmtp::parse_frame(out.view(), zmtp::kMaxCommandBytes);
  check(frame.status == zmtp::FrameStatus::whole && frame.command && frame.size == out.size(),
        "a PONG is one command");
  const auto pong = zmtp::parse_command(frame.body);
  check(pong.ok && pong.name == "PONG" && pong.data == ping.substr(2, 16), "with the context");
}

void check_command(const std::string& body) {
  const auto command = zmtp::parse_command(body);
  std::string rest = body;
  const auto name = cut_string(rest, 1);
  check(command.ok == (name && !name->empty()), "a command has a name");
  if (command.ok) {
    check(command.name == *name && command.data == rest, "its data is the rest");
  }
  check(zmtp::is_peers_ready(command.data) == names_a_peer(std::string(command.data)),
        "both know the peers of a ROUTER");
  check_pong(std::string(command.data));
}

void check_frame(const zmtp::Frame& frame, const std::string& bytes, size_t limit) {
  using zmtp::FrameStatus;
  const int flags = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
  const size_t head = (flags & 2) != 0 ? 9 : 2;
  FrameStatus expected = FrameStatus::incomplete;
  size_t size = 0;
  if (flags > 7 || (flags & 5) == 5) {
    expected = FrameStatus::bad_flags;
  } else if (bytes.size() >= head) {
    const uint64_t body = number(bytes, 1, head - 1);
    const size_t most = (flags & 4) != 0 ? std::min<size_t>(limit, 8'192) : limit;
    if (body > most) {
      expected = FrameStatus::too_large;
    } else {
      size = head + body;
      expected = bytes.size() >= size ? FrameStatus::whole : FrameStatus::incomplete;
    }
  }
  check(frame.status == expected, "both see the same in a frame");
  check(frame.size == size, "its size is known with its head");
  if (expected == FrameStatus::whole) {
    check(frame.body == bytes.substr(head, size - head), "its body is what follows the head");
    check(frame.more == (flags % 2 == 1) && frame.command == (flags >= 4), "flags are told");
  }
}

void check_greeting(zmtp::GreetingStatus status, const std::string& bytes) {
  using zmtp::GreetingStatus;
  const auto differs = [&bytes](size_t at, auto good) {
    return at < bytes.size() && !good(static_cast<signed char>(bytes[at]));
  };
  const bool foreign = differs(0, [](int c) { return c == -1; }) ||
                       differs(9, [](int c) { return c == 0x7f; }) ||
                       differs(10, [](int c) { return c >= 3; });
  const bool null = bytes.size() >= 32 && bytes.substr(12, 20) == "NULL" + std::string(16, '\0');
  check(status == (foreign             ? GreetingStatus::foreign
                   : bytes.size() < 64 ? GreetingStatus::incomplete
                   : null              ? GreetingStatus::ok
                                       : GreetingStatus::other_mechanism),
        "both see the same in a greeting");
}

/// What comes of a connection's bytes that come so many at a time: an account of it. Each reading
/// is of an allocation that ends where the bytes do.
class Reading {
 public:
  explicit Reading(size_t limit) : limit_(limit) {}

  void take(ByteView bytes) {
    kept_ += bytes;
    while (!ended_ && step()) {
    }
  }
  const std::string& account() const { return account_; }

 private:
  /// False when more has to come.
  bool step() {
    const std::vector<char> exact(kept_.begin(), kept_.end());
    const ByteView bytes(exact.data(), exact.size());
    if (!greeted_) {
      const auto status = zmtp::parse_greeting(bytes);
      check_greeting(status, kept_);
      if (status == zmtp::GreetingStatus::incomplete) {
        return false;
      }
      greeted_ = status == zmtp::GreetingStatus::ok;
      ended_ = !greeted_;
      account_ += "greeting " + std::to_string(static_cast<int>(status)) + '\n';
      kept_.erase(0, zmtp::kGreetingBytes);
      return true;
    }
    const auto frame = zmtp::parse_frame(bytes, limit_);
    check_frame(frame, kept_, limit_);
    if (frame.status == zmtp::FrameStatus::incomplete) {
      return false;
    }
    account_ += std::to_string(static_cast<int>(frame.status)) + (frame.more ? '+' : '.') +
                (frame.command ? '!' : ' ') + std::string(frame.body) + '\n';
    ended_ = frame.status != zmtp::FrameStatus::whole;
    if (!ended_ && frame.command) {
      check_command(std::string(frame.body));
    }
    kept_.erase(0, frame.size);
    return true;
  }

  const size_t limit_;
  std::string kept_, account_;
  bool greeted_ = false, ended_ = false;
};

template <class NextSize>
std::string read(ByteView stream, size_t limit, NextSize next_size) {
  Reading reading(limit);
  while (!stream.empty()) {
    const ByteView piece = stream.substr(0, next_size());
    reading.take(piece);
    stream.remove_prefix(piece.size());
  }
  return reading.account();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const size_t limit = data[0] < 128 ? data[0] : size_t{data[0]} << 8;
  const ByteView stream = fuzz::view_of(data + 2, size - 2);
  const std::string whole = read(stream, limit, [&stream] { return stream.size(); });
  uint32_t random = data[1];
  const std::string cut = read(stream, limit, [&random] {
    random = random * 1'664'525 + 1'013'904'223;
    return 1 + (random >> 24);
  });
  check(cut == whole, "it is the same however it is cut");
  if (stream.size() <= kLongestByBytes) {
    check(read(stream, limit, [] { return 1; }) == whole, "and byte by byte");
  }
  // Not behind a greeting, too.
  check_command(std::string(stream));
  check_frame(zmtp::parse_frame(stream, limit), std::string(stream), limit);
  return 0;
}
