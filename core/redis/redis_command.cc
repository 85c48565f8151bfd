#include <cassert>

#include "core/redis/redis_channel.h"

namespace zerogate {
namespace {

/// Decimal digits of `number`.
size_t digits_of(size_t number) {
  if (number < 1000) {  // most are
    return number < 10 ? 1 : number < 100 ? 2 : 3;
  }
  size_t digits = 4;
  for (number /= 10'000; number > 0; number /= 10) {
    ++digits;
  }
  return digits;
}

char* put_line_end(char* to) {
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

/// Writes "$36\r\n", and returns its end.
char* put_header(char* to, char type, size_t number) {
  *to++ = type;
  if (number < 10) {
    *to++ = static_cast<char>('0' + number);
    return put_line_end(to);
  }
  const size_t digits = digits_of(number);
  for (size_t i = digits; i > 0; --i, number /= 10) {
    to[i - 1] = static_cast<char>('0' + number % 10);
  }
  return put_line_end(to + digits);
}

}  // namespace

void format_redis_command(const ByteView* arguments, size_t count, std::string& out) {
  constexpr size_t kAround = 3;  // a type and a line's end
  size_t size = kAround + digits_of(count);
  for (size_t i = 0; i < count; ++i) {
    size += kAround + digits_of(arguments[i].size()) + arguments[i].size() + 2;
  }
  out.resize(size);
  char* to = put_header(out.data(), '*', count);
  for (size_t i = 0; i < count; ++i) {
    to = put_header(to, '$', arguments[i].size());
    to += arguments[i].copy(to, arguments[i].size());
    to = put_line_end(to);
  }
  assert(to == out.data() + size);
}

}  // namespace zerogate
