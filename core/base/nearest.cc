#include "core/base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace zerogate {
namespace {

/// Levenshtein's distance: letters to change, add or take away.
size_t edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  constexpr size_t kMaxWord = 64;  // edits() takes quadratic time
  if (word.size() > kMaxWord) {
    return "";
  }
  size_t fewest = word.size() <= 3 ? 2 : 3;  // one more than is still near
  std::string best;
  for (const std::string& candidate : known) {
    const size_t distance = edits(word, candidate);
    if (distance >= fewest) {
      continue;
    }
    fewest = distance;
    best = candidate;
  }
  return best;
}

std::string listed(const std::vector<std::string>& words, std::string_view last) {
  if (words.empty()) {
    return "";
  }
  if (words.size() == 1) {
    return words.front();
  }
  return fmt::format("{} {} {}", fmt::join(words.begin(), words.end() - 1, ", "), last,
                     words.back());
}

}  // namespace zerogate
