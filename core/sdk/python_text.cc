#include "core/sdk/python_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/utf8.h"
#include "core/sdk/values.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate::sdk {
namespace {

/// Of Python 3.13, and what a method calls its object.
constexpr std::array<std::string_view, 36> kKeywords = {
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield",    "self"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
}

/// A recursive reader of what type_name() writes.
class TypeReader {
 public:
  explicit TypeReader(std::string_view text) : rest_(text) {}

  PythonType read_all() {
    PythonType type = read_union();
    return rest_.empty() && !failed_ ? type : PythonType{"Any", {}};
  }

 private:
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  bool take(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    skip_spaces();
    return true;
  }

  PythonType read_union() {
    PythonType first = read_one();
    if (!take('|')) {
      return first;
    }
    PythonType all{"|", {std::move(first)}};
    do {
      all.parameters.push_back(read_one());
    } while (take('|'));
    return all;
  }

  // A name of C++ may have its template's arguments behind it, which belong to it.
  PythonType read_one() {
    skip_spaces();
    if (rest_.starts_with("()")) {
      rest_.remove_prefix(2);
      return {"()", {}};
    }
    size_t end = 0;
    size_t depth = 0;
    while (end < rest_.size() && (depth > 0 || rest_.substr(end).find_first_of("[], |") != 0)) {
      depth += rest_[end] == '<' ? 1 : 0;
      depth -= rest_[end] == '>' && depth > 0 ? 1 : 0;
      ++end;
    }
    PythonType type{std::string(rest_.substr(0, end)), {}};
    rest_.remove_prefix(end);
    failed_ = failed_ || type.name.empty();
    if (!take('[')) {
      return type;
    }
    do {
      type.parameters.push_back(read_union());
    } while (!failed_ && take(','));
    failed_ = failed_ || !take(']');
    return type;
  }

  std::string_view rest_;
  bool failed_ = false;
};

class ValueWriter {
 public:
  explicit ValueWriter(ByteView msgpack) : from_(msgpack) {}

  std::string out;

  void write() {
    bool boolean = false;
    wire::Integer integer;
    double real = 0;
    ByteView bytes;
    uint32_t count = 0;
    int8_t code = 0;
    if (from_.read_bool(boolean)) {
      out += boolean ? "True" : "False";
    } else if (from_.read_integer(integer)) {
      out += integer.negative ? std::to_string(static_cast<int64_t>(integer.bits))
                              : std::to_string(integer.bits);
    } else if (from_.read_real(real)) {
      out += python_float(real);
    } else if (from_.read_str(bytes)) {
      out += python_str(bytes);
    } else if (from_.read_bin(bytes)) {
      out += python_bytes(bytes);
    } else if (from_.read_array(count)) {
      write_items(count);
    } else if (from_.read_map(count)) {
      write_pairs(count);
    } else if (from_.read_ext(code, bytes)) {
      write_moment(bytes);
    } else {
      from_.read_nil();
      out += "None";
    }
  }

 private:
  void write_items(uint32_t count) {
    out += '[';
    for (uint32_t i = 0; i < count; ++i) {
      out += i == 0 ? "" : ", ";
      write();
    }
    out += ']';
  }
  void write_pairs(uint32_t count) {
    out += '{';
    for (uint32_t i = 0; i < count; ++i) {
      out += i == 0 ? "" : ", ";
      write();
      out += ": ";
      write();
    }
    out += '}';
  }
  void write_moment(ByteView body) {
    DateTime moment;
    std::string text;
    if (DateTime::from_timestamp(body, moment) == nullptr) {
      moment.write_to(text);
    }
    out += python_str(text);
  }

  wire::Reader from_;
};

}  // namespace

std::string python_str(std::string_view text) {
  std::string valid;
  append_as_utf8(valid, text);
  std::string out = "\"";
  for (const char c : valid) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      append_escaped(out, c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string python_bytes(std::string_view bytes) {
  std::string out = "b\"";
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c) || (c & 0x80) != 0) {
      append_escaped(out, c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string python_float(double value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "float(\"nan\")" : value > 0 ? "float(\"inf\")" : "float(\"-inf\")";
  }
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string python_docstring(std::string_view text, size_t indent) {
  std::string valid;
  append_as_utf8(valid, text);
  // Quotes stay as they are where they cannot end the docstring.
  const bool escape_quotes = valid.find("\"\"\"") != std::string::npos || valid.ends_with('"');
  std::string out = "\"\"\"";
  for (const char c : valid) {
    if (c == '\n') {
      out += '\n';
      out.append(indent, ' ');
    } else if (c == '\\' || (c == '"' && escape_quotes)) {
      out += '\\';
      out += c;
    } else if (is_control(c) && c != '\t') {
      append_escaped(out, c);
    } else {
      out += c;
    }
  }
  return out + "\"\"\"";
}

std::string python_identifier(std::string_view name) {
  std::string out;
  for (const char c : name) {
    out += is_letter(c) || is_digit(c) ? c : '_';
  }
  if (out.empty() || is_digit(out.front())) {
    out.insert(0, "_");
  }
  if (std::ranges::find(kKeywords, out) != kKeywords.end()) {
    out += '_';
  }
  return out;
}

PythonType PythonType::parse(std::string_view text) { return TypeReader(text).read_all(); }

const PythonType& PythonType::without_none() const {
  const auto is_none = [](const PythonType& part) { return part.name == "None"; };
  if (name != "|" || parameters.size() != 2 || std::ranges::none_of(parameters, is_none)) {
    return *this;
  }
  return is_none(parameters[0]) ? parameters[1] : parameters[0];
}

std::string PythonType::text(const std::function<std::string(const std::string&)>& renamed) const {
  if (const PythonType& inner = without_none(); &inner != this) {
    return renamed("Optional") + '[' + inner.text(renamed) + ']';
  }
  if (name == "()" || name == "None") {
    return name;
  }
  std::string out = renamed(name == "|" ? "Union" : name);
  for (size_t i = 0; i < parameters.size(); ++i) {
    out += (i == 0 ? "[" : ", ") + parameters[i].text(renamed);
  }
  return parameters.empty() ? out : out + ']';
}

std::string python_value(ByteView msgpack) {
  ValueWriter writer(msgpack);
  writer.write();
  return std::move(writer.out);
}

}  // namespace zerogate::sdk
