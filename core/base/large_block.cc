#include "core/base/large_block.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace zerogate {
namespace {

/// Of x86 and, mostly, of ARM. Where they are larger, nothing is gained or lost.
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

// The last, partial page stays one of small ones, so that no more memory is taken than asked for.
void* allocate_block(size_t bytes) {
  if (bytes < kHugePage) {
    if (void* small = std::malloc(bytes)) {
      return small;
    }
    throw std::bad_alloc();
  }
  void* large = nullptr;
  if (posix_memalign(&large, kHugePage, bytes) != 0) {
    throw std::bad_alloc();
  }
  madvise(large, bytes - bytes % kHugePage, MADV_HUGEPAGE);  // refused: small pages
  return large;
}

}  // namespace zerogate
