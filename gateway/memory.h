// How the process uses glibc's allocator.
#pragma once

namespace zerogate {

/// Call it once, before any thread is started.
void configure_allocator();

}  // namespace zerogate
