// Raw bytes, by view. The gateway moves payloads; it does not own or decode them.
#pragma once

#include <string_view>

namespace zerogate {

/// A view of bytes that somebody else owns. Valid only as long as the declaration that hands it
/// out says; whoever needs the bytes longer copies them.
using ByteView = std::string_view;

}  // namespace zerogate
