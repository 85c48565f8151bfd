// "Did you mean ...?": the known word nearest to a mistyped one. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zerogate {

/// The one of `known` with the fewest edits to `word`, when these are few enough to be a slip of
/// the fingers (two, and one in a word of up to three letters); else an empty string.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// The words as people list them: "a, b or c".
std::string listed(const std::vector<std::string>& words, std::string_view last = "or");

}  // namespace zerogate
