#include <charconv>

#include "core/redis/redis_channel.h"

namespace zerogate {
namespace {

constexpr size_t kLineEndBytes = 2;
constexpr size_t kMostDigits = 20;  // of 18446744073709551615
constexpr size_t kMostOfHeader = 1 + kMostDigits + kLineEndBytes;

char* put_line_end(char* to) {
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

/// Writes "$36\r\n", and returns its end.
char* put_header(char* to, char type, size_t number) {
  *to++ = type;
  return put_line_end(std::to_chars(to, to + kMostDigits, number).ptr);
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
