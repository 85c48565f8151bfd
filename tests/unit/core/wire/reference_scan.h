// msgpack-cxx's verdict on the first value of some bytes, in the words of scan_value, to compare
// the two. Header only; unit tests and fuzz targets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <msgpack.hpp>

#include "core/wire/msgpack_scan.h"

namespace zerogate::wire::testing {

/// Remembers what msgpack::parse meets. Builds nothing, so no claim of the bytes costs memory.
struct ReferenceVisitor : msgpack::null_visitor {
  explicit ReferenceVisitor(uint32_t depth_limit) : limit(depth_limit) {}

  bool start_array(uint32_t) { return enter(); }
  bool start_map(uint32_t) { return enter(); }
  bool end_array() { return --depth, true; }
  bool end_map() { return --depth, true; }
  void parse_error(size_t, size_t) { invalid = true; }

  uint32_t limit;
  uint32_t depth = 0;
  bool invalid = false;
  bool too_deep = false;

 private:
  bool enter() {
    too_deep = ++depth > limit;
    return !too_deep;
  }
};

inline Scan reference_scan(ByteView bytes, uint32_t max_depth = kMaxDepth) {
  ReferenceVisitor visitor(max_depth);
  size_t length = 0;
  if (msgpack::parse(bytes.data(), bytes.size(), length, visitor)) {
    return {length, ScanError::none};
  }
  if (visitor.too_deep) {
    return {0, ScanError::too_deep};
  }
  return {0, visitor.invalid ? ScanError::invalid : ScanError::truncated};
}

/// True when msgpack-cxx finds exactly one value, nested however deep.
inline bool reference_is_one_value(ByteView bytes) {
  const Scan scan = reference_scan(bytes, UINT32_MAX);
  return scan.error == ScanError::none && scan.length == bytes.size();
}

}  // namespace zerogate::wire::testing
