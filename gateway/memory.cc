#include "gateway/memory.h"

#include <malloc.h>

namespace zerogate {

namespace {

/// glibc raises its threshold for mapping each time a mapped block is freed; after the first few
/// large messages all others would come from the heaps, which shrink only at their tops. A fixed
/// one gives the memory of every large message back as soon as it has been answered.
constexpr int kMapFromBytes = 256 << 10;

}  // namespace

void configure_allocator() { mallopt(M_MMAP_THRESHOLD, kMapFromBytes); }

}  // namespace zerogate
