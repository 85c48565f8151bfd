// What the first line of an HTTP request asks for. Pure function, any thread.
#pragma once

#include <string_view>

namespace zerogate {

/// Parts of the text that was parsed.
struct RequestTarget {
  std::string_view path;       ///< "/metrics", as it was sent; "*" of the whole server
  std::string_view query;      ///< what follows the "?"
  std::string_view authority;  ///< of "http://host:port/path", which goes before the Host header
};

/// Takes "/path?query", "http://host/path?query" as a client sends it to a proxy, and "*". Any
/// other text is a path that no page has.
RequestTarget parse_target(std::string_view text);

}  // namespace zerogate
