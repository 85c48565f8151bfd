// What every fuzz target needs: a check that stays on in every build, and the bytes as a view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/base/bytes.h"

/// The entry that libFuzzer, or replay_main.cc in its place, calls once for each input.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace zerogate::fuzz {

/// Ends the process where a property does not hold, so that the fuzzer keeps the input.
inline void check(bool holds, const char* property) {
  if (holds) {
    return;
  }
  std::fprintf(stderr, "property does not hold: %s\n", property);
  std::abort();
}

inline ByteView view_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace zerogate::fuzz
