// Globs of function names: `*` stands for any characters, every other character for itself. Pure
// function, any thread.
#pragma once

#include <string_view>

namespace zerogate {

/// True when the whole of `text` matches. Linear in the text for one `*`, never exponential.
bool glob_match(std::string_view glob, std::string_view text) noexcept;

}  // namespace zerogate
