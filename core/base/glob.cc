#include "core/base/glob.h"

#include <cstddef>

namespace zerogate {

bool glob_match(std::string_view glob, std::string_view text) noexcept {
  size_t g = 0, t = 0;
  size_t star = std::string_view::npos, mark = 0;  // the last `*`, and where its match ends
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;  // let the last `*` take one more character
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') {
    ++g;
  }
  return g == glob.size();
}

}  // namespace zerogate
