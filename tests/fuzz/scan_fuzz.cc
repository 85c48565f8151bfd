// scan_value and Reader against msgpack-cxx: the same length and the same verdict on any bytes.

#include <vector>

#include "core/wire/msgpack_scan.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/wire/reference_scan.h"

using namespace zerogate;
using fuzz::check;

namespace {

/// Walks with every reading function in turn. Each either takes something or leaves all as it is.
void walk(ByteView bytes) {
  wire::Reader reader(bytes);
  while (!reader.at_end()) {
    const size_t before = reader.rest().size();
    uint32_t count = 0;
    ByteView view;
    const bool taken = reader.read_map(count) || reader.read_array(count) ||
                       reader.read_str(view) || reader.read_value(view);
    check(taken == (reader.rest().size() < before), "a reader moves exactly when it succeeds");
    if (!taken) {
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes = fuzz::view_of(data, size);
  const wire::Scan ours = wire::scan_value(bytes);
  const wire::Scan theirs = wire::testing::reference_scan(bytes);
  check(ours.error == theirs.error, "the verdict is msgpack-cxx's");
  check(ours.length == theirs.length, "the length is msgpack-cxx's");
  check(wire::is_one_value(bytes) == (size > 0 && ours.length == size), "is_one_value agrees");
  if (ours.error == wire::ScanError::none) {
    // Copies of their own: reads past their ends are seen.
    const std::vector<char> whole(bytes.begin(), bytes.begin() + static_cast<long>(ours.length));
    check(wire::is_one_value({whole.data(), whole.size()}), "what was measured is one value");
    const std::vector<char> cut(whole.begin(), whole.end() - 1);
    check(wire::scan_value({cut.data(), cut.size()}).error == wire::ScanError::truncated,
          "one byte less is truncated");
  }
  walk(bytes);
  return 0;
}
