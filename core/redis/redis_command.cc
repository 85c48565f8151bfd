#include "core/redis/redis_command.h"

#include <charconv>
#include <cstring>

#include "core/base/byte_writer.h"
#include "core/base/digits.h"

namespace zerogate {
namespace {

constexpr size_t kMostDigits = 20;  // of 18446744073709551615
constexpr ByteView kLineEnd = "\r\n";
constexpr size_t kMostOfHeader = 1 + kMostDigits + kLineEnd.size();

/// "$36\r\n"
void put_header(ByteWriter& to, char type, size_t number) {
  char digits[kMostDigits];
  const char* const end = std::to_chars(digits, digits + kMostDigits, number).ptr;
  to.put(type).put(ByteView(digits, static_cast<size_t>(end - digits))).put(kLineEnd);
}

/// Writes each thing in front of the one before.
class BackwardWriter {
 public:
  explicit BackwardWriter(char* end) : at_(end) {}

  BackwardWriter& put(ByteView bytes) {
    at_ -= bytes.size();
    bytes.copy(at_, bytes.size());
    return *this;
  }
  BackwardWriter& put_number(size_t number) {
    for (; number >= 100; number /= 100) {
      put_pair(number % 100);
    }
    if (number >= 10) {
      put_pair(number);
    } else {
      *--at_ = static_cast<char>('0' + number);
    }
    return *this;
  }
  char* at() const { return at_; }

 private:
  void put_pair(size_t number) {
    at_ -= 2;
    std::memcpy(at_, kDigitPairs.data() + 2 * number, 2);
  }
  char* at_;
};

}  // namespace

void append_redis_command(std::initializer_list<ByteView> arguments, OutBuffer& out) {
  size_t most = kMostOfHeader;
  for (const ByteView argument : arguments) {
    most += kMostOfHeader + argument.size() + kLineEnd.size();
  }
  append_with(out, most, [&](char* begin) {
    ByteWriter to(begin);
    put_header(to, '*', arguments.size());
    for (const ByteView argument : arguments) {
      put_header(to, '$', argument.size());
      to.put(argument).put(kLineEnd);
    }
    return to.at();
  });
}

ByteView RedisSetCommand::finish() {
  const size_t value_bytes = out_.size() - room();
  out_.append(kLineEnd);
  BackwardWriter head(out_.data() + room());
  head.put(kLineEnd).put_number(value_bytes).put("\r\n$").put(key_);
  head.put(kLineEnd).put_number(key_.size()).put("*3\r\n$3\r\nSET\r\n$");
  return {head.at(), static_cast<size_t>(out_.data() + out_.size() - head.at())};
}

}  // namespace zerogate
