#include <charconv>
#include <cstring>

#include "core/redis/redis_channel.h"

namespace zerogate {
namespace {

constexpr size_t kLineEndBytes = 2;
constexpr size_t kMostDigits = 20;  // of 18446744073709551615
constexpr size_t kMostOfHeader = 1 + kMostDigits + kLineEndBytes;

char* put_line_end(char* to) {
  std::memcpy(to, "\r\n", kLineEndBytes);
  return to + kLineEndBytes;
}

/// Writes "$36\r\n", and returns its end.
char* put_header(char* to, char type, size_t number) {
  *to++ = type;
  if (number < 10) {  // spares most of them a call
    *to++ = static_cast<char>('0' + number);
  } else {
    to = std::to_chars(to, to + kMostDigits, number).ptr;
  }
  return put_line_end(to);
}

}  // namespace

void append_redis_command(std::initializer_list<ByteView> arguments, std::string& out) {
  size_t most = kMostOfHeader;
  for (const ByteView argument : arguments) {
    most += kMostOfHeader + argument.size() + kLineEndBytes;
  }
  const size_t before = out.size();
  out.resize(before + most);
  char* to = put_header(out.data() + before, '*', arguments.size());
  for (const ByteView argument : arguments) {
    to = put_header(to, '$', argument.size());
    to += argument.copy(to, argument.size());
    to = put_line_end(to);
  }
  out.resize(static_cast<size_t>(to - out.data()));
}

}  // namespace zerogate
