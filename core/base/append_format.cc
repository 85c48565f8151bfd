#include "core/base/append_format.h"

#include <iterator>

namespace zerogate {

void append_packed(std::string& text, fmt::string_view format, fmt::format_args values) {
  fmt::vformat_to(std::back_inserter(text), format, values);
}

void append_packed(fmt::memory_buffer& text, fmt::string_view format, fmt::format_args values) {
  fmt::vformat_to(fmt::appender(text), format, values);
}

}  // namespace zerogate
