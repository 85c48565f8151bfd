// The largest request and reply of the blocking client.
#pragma once

#include <cstddef>

namespace zerogate {

/// Above limits.message of any gateway that is likely to answer.
inline constexpr size_t kMaxRequestBytes = size_t{1} << 30;
inline constexpr size_t kMaxReplyBytes = size_t{1} << 30;

}  // namespace zerogate
