// Raw bytes, by view. The gateway moves payloads; it does not own or decode them.
#pragma once

#include <string_view>

namespace zerogate {

/// A view of bytes with another owner. The declaration that hands a view out says how long it is
/// valid; a class that needs the bytes longer copies them.
using ByteView = std::string_view;

}  // namespace zerogate
