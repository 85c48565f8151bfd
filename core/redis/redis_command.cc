#include <fmt/format.h>

#include "core/redis/redis_channel.h"

namespace zerogate {
namespace {

constexpr size_t kLineEnd = 2;
/// "$18446744073709551615\r\n"
constexpr size_t kMostOfHeader = 1 + 20 + kLineEnd;

char* put_line_end(char* to) {
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

/// Writes "$36\r\n", and returns its end.
char* put_header(char* to, char type, size_t number) {
  *to++ = type;
  if (number >= 10) {
    const size_t digits = number < 100 ? 2 : fmt::detail::count_digits(number);
    for (size_t i = digits - 1; i > 0; --i, number /= 10) {
      to[i] = static_cast<char>('0' + number % 10);
    }
    to[0] = static_cast<char>('0' + number);
    return put_line_end(to + digits);
  }
  *to++ = static_cast<char>('0' + number);
  return put_line_end(to);
}

}  // namespace

void append_redis_command(std::initializer_list<ByteView> arguments, std::string& out) {
  size_t most = kMostOfHeader;
  for (const ByteView argument : arguments) {
    most += kMostOfHeader + argument.size() + kLineEnd;
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
