#include "core/sdk/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/ascii.h"

namespace zerogate {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
/// Of Python's decimal module: MAX_EMAX, of the first digit, and MIN_ETINY, of the last one.
constexpr int64_t kMaxExponent = 999'999'999'999'999'999;
constexpr int64_t kMinExponent = -1'999'999'999'999'999'997;
/// No number of digits brings back what is written beyond this, and with them it is an int64_t.
constexpr int64_t kMaxWritten = 4 * kMaxExponent;

int hex_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Python's str.strip(), of ASCII.
std::string_view strip(std::string_view text) { return trim(text, " \t\n\r\v\f\x1c\x1d\x1e\x1f"); }

std::string without_leading_zeros(std::string_view digits) {
  const size_t first = digits.find_first_not_of('0');
  return std::string(first == std::string_view::npos ? std::string_view() : digits.substr(first));
}

/// "inf", "infinity", "nan", "snan" and what may follow; empty for none of them.
std::string special_number(std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(), lower);
  if (word == "inf" || word == "infinity") {
    return "Infinity";
  }
  const size_t name = word.starts_with("nan") ? 3 : word.starts_with("snan") ? 4 : 0;
  const std::string_view payload = std::string_view(word).substr(name);
  if (name == 0 || !std::all_of(payload.begin(), payload.end(), is_digit)) {
    return {};
  }
  return (name == 3 ? "NaN" : "sNaN") + without_leading_zeros(payload);
}

/// digits * 10^exponent as Python's Decimal writes it. `digits` has no leading zeros but for "0".
std::string scientific_text(const std::string& digits, int64_t exponent) {
  const auto size = static_cast<int64_t>(digits.size());
  const int64_t left_digits = exponent + size;  // of the point
  // The point stands behind the first digit when an exponent is written.
  const bool plain = exponent <= 0 && left_digits > -6;
  const int64_t point = plain ? left_digits : 1;
  std::string out;
  if (point <= 0) {
    out = "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else if (point >= size) {
    out = digits + std::string(static_cast<size_t>(point - size), '0');
  } else {
    out = digits.substr(0, static_cast<size_t>(point)) + '.' +
          digits.substr(static_cast<size_t>(point));
  }
  if (left_digits != point) {
    const int64_t power = left_digits - point;
    out += power < 0 ? "E-" : "E+";
    out += std::to_string(power < 0 ? -power : power);
  }
  return out;
}

/// Digits, point and exponent of a finite number.
struct NumberParts {
  std::string digits;
  int64_t exponent = 0;
};

bool take_digits(std::string_view text, size_t& at, std::string& digits) {
  const size_t before = digits.size();
  for (; at < text.size() && is_digit(text[at]); ++at) {
    digits += text[at];
  }
  return digits.size() > before;
}

bool parse_finite(std::string_view text, NumberParts& parts) {
  size_t at = 0;
  bool any = take_digits(text, at, parts.digits);
  const size_t whole = parts.digits.size();
  if (at < text.size() && text[at] == '.') {
    ++at;
    any |= take_digits(text, at, parts.digits);
  }
  if (!any) {
    return false;
  }
  const auto behind_point = static_cast<int64_t>(parts.digits.size() - whole);
  int64_t power = 0;
  if (at < text.size() && lower(text[at]) == 'e') {
    ++at;
    const bool negative = at < text.size() && text[at] == '-';
    at += at < text.size() && (text[at] == '-' || text[at] == '+') ? 1 : 0;
    const auto [end, fault] = std::from_chars(text.data() + at, text.data() + text.size(), power);
    if (fault != std::errc() || !is_digit(text[at]) || power > kMaxWritten) {
      return false;
    }
    at = static_cast<size_t>(end - text.data());
    power = negative ? -power : power;
  }
  parts.exponent = power - behind_point;
  parts.digits = without_leading_zeros(parts.digits);
  if (parts.digits.empty()) {
    parts.digits = "0";
  }
  return at == text.size();
}

}  // namespace

bool Uuid::parse(std::string_view text, Uuid& out) {
  const bool dashes = text.size() == 36;
  if (!dashes && text.size() != 32) {
    return false;
  }
  size_t at = 0;
  for (size_t i = 0; i < out.bytes.size(); ++i) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') {
      return false;
    }
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    out.bytes[i] = static_cast<unsigned char>(high << 4 | low);
    at += 2;
  }
  return true;
}

bool Uuid::from_bytes(std::string_view bytes, Uuid& out) {
  if (bytes.size() != out.bytes.size()) {
    return false;
  }
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return true;
}

void Uuid::write_to(std::string& out) const {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      out += '-';
    }
    out += kHexDigits[bytes[i] >> 4];
    out += kHexDigits[bytes[i] & 0x0f];
  }
}

bool Decimal::parse(std::string_view text, Decimal& out) {
  std::string plain(strip(text));
  std::erase(plain, '_');
  std::string_view rest = plain;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) {
    rest.remove_prefix(1);
  }
  std::string number = special_number(rest);
  if (number.empty()) {
    NumberParts parts;
    if (!parse_finite(rest, parts)) {
      return false;
    }
    const int64_t adjusted = parts.exponent + static_cast<int64_t>(parts.digits.size()) - 1;
    if (parts.exponent < kMinExponent || adjusted > kMaxExponent) {
      return false;
    }
    number = scientific_text(parts.digits, parts.exponent);
  }
  out.text_ = (negative ? "-" : "") + number;
  return true;
}

Decimal::Decimal(double value) {
  if (!std::isfinite(value)) {
    text_ = std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char shortest[32];  // "-1.2345678901234567e-308" has 24
  const char* const end =
      std::to_chars(shortest, shortest + sizeof shortest, value, std::chars_format::scientific).ptr;
  const std::string_view text(shortest, static_cast<size_t>(end - shortest));
  const bool negative = text.front() == '-';
  NumberParts parts;
  parse_finite(text.substr(negative ? 1 : 0), parts);
  // Python writes 2.0 and 1e15 with ".0", which is a digit more; 1e16 it writes with an exponent.
  const auto left_digits = parts.exponent + static_cast<int64_t>(parts.digits.size());
  if (parts.exponent >= 0 && left_digits <= 16) {
    parts.digits.append(static_cast<size_t>(parts.exponent) + (parts.digits == "0" ? 0 : 1), '0');
    parts.exponent = -1;
  }
  text_ = (negative ? "-" : "") + scientific_text(parts.digits, parts.exponent);
}

}  // namespace zerogate
