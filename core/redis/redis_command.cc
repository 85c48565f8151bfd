#include <cassert>
#include <charconv>

#include "core/base/byte_writer.h"
#include "core/redis/redis_channel.h"

namespace zerogate {
namespace {

/// Decimal digits of `number`.
size_t digits_of(size_t number) {
  size_t digits = 1;
  for (; number >= 10; number /= 10) {
    ++digits;
  }
  return digits;
}

void put_header(ByteWriter& to, char type, size_t number) {
  to.put(type);
  char* const end = to.at() + digits_of(number);
  std::to_chars(to.at(), end, number);
  to = ByteWriter(end);
  to.put("\r\n");
}

}  // namespace

void format_redis_command(const ByteView* arguments, size_t count, std::string& out) {
  constexpr size_t kAround = 3;  // a type and a line's end
  size_t size = kAround + digits_of(count);
  for (size_t i = 0; i < count; ++i) {
    size += kAround + digits_of(arguments[i].size()) + arguments[i].size() + 2;
  }
  out.resize(size);
  ByteWriter to(out.data());
  put_header(to, '*', count);
  for (size_t i = 0; i < count; ++i) {
    put_header(to, '$', arguments[i].size());
    to.put(arguments[i]).put("\r\n");
  }
  assert(to.at() == out.data() + size);
}

}  // namespace zerogate
