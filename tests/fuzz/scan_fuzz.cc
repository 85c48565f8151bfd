// scan_value, Scanner and Reader against msgpack-cxx: the same length and the same verdict on any
// bytes, however they are cut.

#include <algorithm>
#include <vector>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_scanner.h"
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

/// In parts, whose sizes the last byte tells.
void check_parts(ByteView bytes, const wire::Scan& whole) {
  const size_t part = bytes.empty() ? 1 : 1 + static_cast<uint8_t>(bytes.back()) % 40;
  wire::Scanner scanner;
  wire::Scan scan;
  for (size_t size = 0;; size = std::min(size + part, bytes.size())) {
    const std::vector<char> front(bytes.begin(), bytes.begin() + static_cast<long>(size));
    scan = scanner.scan({front.data(), front.size()});
    if (scan.error != wire::ScanError::truncated || size == bytes.size()) {
      break;
    }
  }
  check(scan.error == whole.error && scan.length == whole.length, "the cuts change nothing");
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
  check_parts(bytes, ours);
  walk(bytes);
  return 0;
}
