// Tells characters that print as themselves from those that forge or hide text: where peers choose
// part of a line, an operator must read the line that was written. Pure functions, any thread; not
// for the hot path.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zerogate {

/// Bytes of the character at the front of `text`, which has one byte at least, when it must not be
/// shown as it is; 0 otherwise, and when no well-formed character of UTF-8 stands there. Such are
/// - control characters, C1 as well: terminals obey U+009B as they do ESC [,
/// - what ends a line elsewhere: U+0085, U+2028, U+2029,
/// - what changes the direction of the text around it: U+202A to U+202E, U+2066 to U+2069,
/// - what is not seen at all, and so makes two names look like one: U+200B, U+FEFF and the rest of
///   Unicode's default ignorable characters.
/// Blanks of every width print, and so do all letters.
size_t unprintable_size(std::string_view text) noexcept;

/// True when `text` is UTF-8 in which every character prints.
bool is_printable(std::string_view text) noexcept;

/// `json`, a document in UTF-8, with \uNNNN in place of the characters that do not print. For its
/// readers it is the same document: such characters stand in its strings alone. ASCII controls
/// below U+0020 are left: in a string JSON has them escaped already, between values they are
/// newlines.
std::string printable_json(std::string json);

/// `json`, of nlohmann's library, as such a document on one line. Bytes that are not UTF-8, which
/// peers may have sent, become U+FFFD.
template <class Json>
std::string dump_printable(const Json& json) {
  return printable_json(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace zerogate
