// UTF-8, for text that comes from peers and goes back to them in error messages: Python clients
// refuse a str that is not UTF-8. Pure functions, any thread; for error paths, not for the hot
// path.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/bytes.h"

namespace zerogate {

/// Bytes of the character at the front of `text`, which has one byte at least; 0 when there is no
/// well-formed one.
size_t utf8_char_size(ByteView text) noexcept;

/// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms), as Python demands.
bool is_utf8(ByteView text) noexcept;

/// Appends `text` with U+FFFD in place of each byte that does not belong to UTF-8.
void append_as_utf8(std::string& out, ByteView text);

/// The longest front of `text` with at most `max_bytes` that does not cut a character in two.
ByteView utf8_prefix(ByteView text, size_t max_bytes) noexcept;

}  // namespace zerogate
