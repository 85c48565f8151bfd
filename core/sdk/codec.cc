#include "core/sdk/codec.h"

namespace zerogate::sdk {

bool read_timestamp(Decoder& from, DateTime& value, const Path* path) {
  wire::Reader ahead = from.reader();
  int8_t type = 0;
  ByteView body;
  if (!ahead.read_ext(type, body) || type != -1) {
    return from.expected(kDateTime, path);
  }
  from.reader() = ahead;
  const char* const fault = DateTime::from_timestamp(body, value);
  return fault == nullptr || from.invalid(fault, path);
}

bool read_number(Decoder& from, Decimal& value, const Path* path) {
  double real = 0;
  wire::Integer integer;
  if (from.reader().read_integer(integer)) {
    value = integer.negative ? Decimal(static_cast<int64_t>(integer.bits)) : Decimal(integer.bits);
    return true;
  }
  if (!from.reader().read_real(real)) {
    return from.expected(kDecimal, path);
  }
  value = Decimal(real);
  return true;
}

}  // namespace zerogate::sdk
