#include "gateway/http/request_target.h"

#include <algorithm>

namespace zerogate {

RequestTarget parse_target(std::string_view text) {
  RequestTarget target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme)) {
      text.remove_prefix(scheme.size());
      target.authority = text.substr(0, text.find_first_of("/?"));
      text.remove_prefix(target.authority.size());
      target.authority.remove_prefix(target.authority.rfind('@') + 1);  // npos + 1 is 0
      break;
    }
  }
  const size_t mark = std::min(text.find('?'), text.size());
  target.path = text.substr(0, mark);
  target.query = text.substr(std::min(mark + 1, text.size()));
  if (target.path.empty() && !target.authority.empty()) {
    target.path = "/";
  }
  return target;
}

}  // namespace zerogate
