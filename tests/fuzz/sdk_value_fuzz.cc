// core/sdk's decode, encode and decode again, for a struct of everything and for its parts. The
// first byte picks the type.

#include <string>

#include "core/base/utf8.h"
#include "core/wire/msgpack_scan.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/sdk/everything.h"

using namespace zerogate;
using fuzz::check;

namespace {

template <class T>
void check_type(ByteView message) {
  const Result<T> value = decode<T>(message);
  if (!value) {
    check(!value.error().empty(), "an error has a text");
    check(is_utf8(value.error()), "a client can read the text");
    return;
  }
  check(wire::is_one_value(message), "what is decoded is one value");
  std::string bytes;
  encode(value.value(), bytes);
  const Result<T> again = decode<T>(bytes);
  check(again.ok(), "what was encoded is decoded");
  std::string second;
  encode(again.value(), second);
  check(bytes == second, "encoding is stable");
}

using everything::Everything;
using everything::Item;
using everything::Mixed;
using everything::Node;
constexpr void (*kTypes[])(ByteView) = {
    check_type<Everything>, check_type<Item>,     check_type<Mixed>,
    check_type<Node>,       check_type<DateTime>, check_type<TimeOfDay>,
    check_type<Decimal>,    check_type<Uuid>,     check_type<Encoded<std::vector<std::string>>>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) {
    kTypes[data[0] % std::size(kTypes)](fuzz::view_of(data + 1, size - 1));
  }
  return 0;
}
