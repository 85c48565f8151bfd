// Which sanitizer is built in, as GCC and as clang say it; and what ThreadSanitizer has to be told
// where memory goes from thread to thread inside a library that was not built with it.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define ZEROGATE_ADDRESS_SANITIZER 1
#elif defined(__SANITIZE_THREAD__)
#define ZEROGATE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ZEROGATE_ADDRESS_SANITIZER 1
#elif __has_feature(thread_sanitizer)
#define ZEROGATE_THREAD_SANITIZER 1
#endif
#endif

#ifdef ZEROGATE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace zerogate {

/// All that this thread did is before what the thread does that calls was_handed_over() with the
/// same address: the library between them sees to that, out of ThreadSanitizer's sight.
inline void hand_over([[maybe_unused]] void* memory) {
#ifdef ZEROGATE_THREAD_SANITIZER
  __tsan_release(memory);
#endif
}

inline void was_handed_over([[maybe_unused]] void* memory) {
#ifdef ZEROGATE_THREAD_SANITIZER
  __tsan_acquire(memory);
#endif
}

}  // namespace zerogate
