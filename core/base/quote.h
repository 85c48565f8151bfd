// Text of somebody else's making, put into one line of our own: error lines and logs. Pure
// functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zerogate {

/// More than this many bytes of a text are not shown.
inline constexpr size_t kMaxQuotedBytes = 100;

/// `text` between single quotes, on one line whatever it holds: control characters, and all bytes
/// beyond ASCII when it is not UTF-8, become \xNN; what is beyond kMaxQuotedBytes becomes "...".
std::string quote(std::string_view text);

}  // namespace zerogate
