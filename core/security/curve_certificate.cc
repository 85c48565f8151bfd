#include "core/security/curve_certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/base/ascii.h"

namespace zerogate {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::string_view kBlanks = " \t\r";

/// What stands behind "NAME =" on this line, without its quotes; nothing when the line is another.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) {
    return std::nullopt;
  }
  line = trim(line.substr(name.size()), kBlanks);
  if (!line.starts_with('=')) {
    return std::nullopt;
  }
  line = trim(line.substr(1), kBlanks);
  if (line.starts_with('"') || line.starts_with('\'')) {
    const size_t end = line.find(line.front(), 1);
    return line.substr(1, end == line.npos ? line.npos : end - 1);
  }
  return line;
}

}  // namespace

bool is_curve_key(std::string_view text) {
  constexpr size_t kGroup = 5;  // characters for four bytes
  if (text.size() != CurveCertificate::kKeyChars) {
    return false;
  }
  for (; !text.empty(); text.remove_prefix(kGroup)) {
    uint64_t value = 0;
    for (const char c : text.substr(0, kGroup)) {
      const size_t digit = kAlphabet.find(c);
      if (digit == kAlphabet.npos) {
        return false;
      }
      value = value * kAlphabet.size() + digit;
    }
    if (value > UINT32_MAX) {
      return false;
    }
  }
  return true;
}

Result<CurveCertificate> parse_curve_certificate(std::string_view text) {
  CurveCertificate certificate;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end), kBlanks);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) {
      continue;
    }
    for (const auto& [name, key] : {std::pair("public-key", &certificate.public_key),
                                    std::pair("secret-key", &certificate.secret_key)}) {
      const auto value = value_of(line, name);
      if (value && !is_curve_key(*value)) {
        return Error{fmt::format("line {}: {} is no key of 40 characters in Z85", number, name)};
      }
      if (value) {
        *key = *value;
      }
    }
  }
  if (certificate.public_key.empty() && certificate.secret_key.empty()) {
    return Error{"there is no public-key and no secret-key in it"};
  }
  return certificate;
}

std::string curve_certificate_text(const CurveCertificate& certificate) {
  std::string text = fmt::format("#   ZeroMQ CURVE **{}** Certificate\n\nmetadata\ncurve\n",
                                 certificate.secret_key.empty() ? "Public" : "Secret");
  if (!certificate.public_key.empty()) {
    text += fmt::format("    public-key = \"{}\"\n", certificate.public_key);
  }
  if (!certificate.secret_key.empty()) {
    text += fmt::format("    secret-key = \"{}\"\n", certificate.secret_key);
  }
  return text;
}

}  // namespace zerogate
