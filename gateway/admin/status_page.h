// The status page's files, which the build puts into the program from gateway/admin/status/.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace zerogate {

struct StatusFile {
  std::string type;  ///< the HTTP header Content-Type
  std::shared_ptr<const std::string> content;
};

/// The file of this name, as in "style.css"; null when there is none. Any thread.
const StatusFile* find_status_file(std::string_view name);

/// Header lines for the page itself: a browser runs and loads nothing but the files above.
inline constexpr std::string_view kStatusPageHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Vary: Accept\r\n";

}  // namespace zerogate
