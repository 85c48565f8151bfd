// fmt::format_to for a text that grows. That is a template which every source that calls it
// compiles anew with all of fmt's numbers, 2 s each; here it is compiled once.
#pragma once

#include <fmt/format.h>

#include <string>

namespace zerogate {

/// As append_format, with the values packed. Throws what fmt throws.
void append_packed(std::string& text, fmt::string_view format, fmt::format_args values);
void append_packed(fmt::memory_buffer& text, fmt::string_view format, fmt::format_args values);

/// Appends the values to a std::string or a fmt::memory_buffer, as the format says, which the
/// compiler checks.
template <class Text, class... Values>
void append_format(Text& text, fmt::format_string<Values...> format, Values&&... values) {
  append_packed(text, format, fmt::make_format_args(values...));
}

}  // namespace zerogate
