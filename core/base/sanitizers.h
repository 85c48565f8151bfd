// What ThreadSanitizer has to be told where memory goes from thread to thread inside a library that
// was not built with it. Nothing in other builds.
#pragma once

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace zerogate {

/// All that this thread did is before what the thread does that calls was_handed_over() with the
/// same address: the library between them sees to that, out of ThreadSanitizer's sight.
inline void hand_over([[maybe_unused]] void* memory) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(memory);
#endif
}

inline void was_handed_over([[maybe_unused]] void* memory) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(memory);
#endif
}

}  // namespace zerogate
