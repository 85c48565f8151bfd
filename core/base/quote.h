// Quotes text of a peer, a file or the environment on one line, for error lines and logs. Pure
// functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zerogate {

/// A longer text is cut after this many bytes.
inline constexpr size_t kMaxQuotedBytes = 100;

/// `text` between single quotes, always on one line. Characters that do not print (printable.h)
/// become \xNN, byte by byte, and so do all bytes beyond ASCII when the text is not UTF-8. What
/// stands beyond kMaxQuotedBytes becomes "...".
std::string quote(std::string_view text);

/// All of `text` on one line of UTF-8, without what a terminal would obey or not show: characters
/// that do not print become blanks.
std::string plain_line(std::string_view text);

}  // namespace zerogate
