// Memory for one message.
#pragma once

#include <cstddef>

namespace zerogate {

/// Memory that is to be filled at once, and freed by std::free(). A large block asks the kernel for
/// huge pages: fresh memory is mapped when it is touched first, and a page of 4 KiB after the other
/// costs four times what the copy of a message does (4 MiB: 2.4 ms, with huge pages 0.5; 16 MiB: 10
/// and 2.7; measured). A kernel that has none to give maps small ones. Throws std::bad_alloc. Any
/// thread.
void* allocate_block(size_t bytes);

}  // namespace zerogate
