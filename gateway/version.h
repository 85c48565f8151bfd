// Version and revision, baked in by the build.
#pragma once

#include <string_view>

namespace zerogate {

std::string_view version();   ///< as in "0.1.0"
std::string_view revision();  ///< the commit, 12 hex digits, or "unknown"

}  // namespace zerogate
