// Which names of certificates may speak: the configuration's `allow`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

struct x509_st;  // OpenSSL's X509

namespace zerogate {

/// The names that a certificate says of its owner, from its subject alternative names.
struct TlsNames {
  std::vector<std::string> uris;
  std::vector<std::string> dns;  ///< lower case
  std::string subject;           ///< the common name, for people only; it proves nothing here

  static TlsNames of(const x509_st* certificate);
  /// The one name for people: the URI when there is exactly one, else the first DNS name, else the
  /// subject.
  std::string display() const;
};

/// A list of patterns: `*` is every certificate of the CA. `spiffe://domain/path` is the only URI
/// of a certificate, in which a `*` stands for characters of one segment of the path.
/// `dns:name` is one of its DNS names, whose first label may be `*`. Immutable.
class TlsAllow {
 public:
  TlsAllow() = default;
  explicit TlsAllow(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

  /// What is wrong with a pattern and what would fix it.
  static Status check(std::string_view pattern);

  bool empty() const { return patterns_.empty(); }
  bool allows(const TlsNames& names) const;
  bool operator==(const TlsAllow&) const = default;

 private:
  std::vector<std::string> patterns_;  ///< each has passed check()
};

}  // namespace zerogate
