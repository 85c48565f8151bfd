#include "gateway/ask/config_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/quote.h"

namespace zerogate {
namespace {

/// Beyond this many lines on each side a table of all pairs would be too large: all of one side is
/// told, then all of the other.
constexpr size_t kMostLines = 2'000;

constexpr char kSame = ' ';
constexpr char kGone = '-';
constexpr char kNew = '+';

struct Line {
  char mark;
  std::string_view text;
  bool shown;
};

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

/// For each pair of positions the length of the longest common sequence behind them.
class Table {
 public:
  Table(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b)
      : width_(b.size() + 1), lengths_((a.size() + 1) * width_) {
    for (size_t i = a.size(); i-- > 0;) {
      for (size_t j = b.size(); j-- > 0;) {
        lengths_[i * width_ + j] =
            a[i] == b[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  uint32_t at(size_t i, size_t j) const { return lengths_[i * width_ + j]; }

 private:
  size_t width_;
  std::vector<uint32_t> lengths_;
};

std::vector<Line> merge(const std::vector<std::string_view>& a,
                        const std::vector<std::string_view>& b) {
  std::vector<Line> merged;
  const auto add = [&](char mark, std::string_view text) {
    merged.push_back({mark, text, mark != kSame});
  };
  size_t i = 0;
  size_t j = 0;
  if (a.size() <= kMostLines && b.size() <= kMostLines) {
    const Table table(a, b);
    while (i < a.size() && j < b.size()) {
      if (a[i] == b[j]) {
        add(kSame, a[i++]);
        ++j;
      } else if (table.at(i + 1, j) >= table.at(i, j + 1)) {
        add(kGone, a[i++]);
      } else {
        add(kNew, b[j++]);
      }
    }
  }
  for (; i < a.size(); ++i) {
    add(kGone, a[i]);
  }
  for (; j < b.size(); ++j) {
    add(kNew, b[j]);
  }
  return merged;
}

size_t indent_of(std::string_view text) {
  return std::min(text.find_first_not_of(' '), text.size());
}

/// The keys above a line that differs, each the nearest one that is less indented.
void show_keys_above(std::vector<Line>& lines, size_t at) {
  const char mark = lines[at].mark;
  size_t indent = indent_of(lines[at].text);
  while (at-- > 0 && indent > 0) {
    Line& line = lines[at];
    if ((line.mark == kSame || line.mark == mark) && indent_of(line.text) < indent) {
      indent = indent_of(line.text);
      line.shown = true;
    }
  }
}

}  // namespace

std::string diff_yaml(std::string_view running, std::string_view written) {
  if (running == written) {
    return "";  // however long they are
  }
  std::vector<Line> lines = merge(split_lines(running), split_lines(written));
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].mark != kSame) {
      show_keys_above(lines, i);
    }
  }
  std::string text;
  for (const Line& line : lines) {
    if (line.shown) {
      text += fmt::format("{} {}\n", line.mark, plain_line(line.text));
    }
  }
  return text;
}

}  // namespace zerogate
