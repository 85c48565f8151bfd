// Files of CURVE keys, as pyzmq and czmq write them. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace zerogate {

/// Keys as text (Z85). Either may be empty: it is not in the file.
struct CurveCertificate {
  static constexpr size_t kKeyChars = 40;

  std::string public_key;
  std::string secret_key;
  bool operator==(const CurveCertificate&) const = default;
};

/// A key, and the file that it was read from; empty: none was named.
struct CurveKeyFile {
  std::string file;
  std::string key;
  bool operator==(const CurveKeyFile&) const = default;
};

/// True for 40 characters that Z85 can have written for 32 bytes.
bool is_curve_key(std::string_view text);

/// Takes the lines `public-key = "..."` and `secret-key = "..."`; what is between the quotes may
/// have a # in it. The error names the line, and never repeats a key.
Result<CurveCertificate> parse_curve_certificate(std::string_view text);

/// The certificate as pyzmq would write it, with those keys that are there.
std::string curve_certificate_text(const CurveCertificate& certificate);

}  // namespace zerogate
