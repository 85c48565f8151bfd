// "Did you mean ...?": the known word nearest to a mistyped one. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zerogate {

/// The word of `known` with the fewest edits to `word`, when these are few enough for a typing
/// mistake: two, or one in a word of up to three letters. Otherwise an empty string.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// The words as a sentence lists them: "a, b or c".
std::string listed(const std::vector<std::string>& words, std::string_view last = "or");

}  // namespace zerogate
