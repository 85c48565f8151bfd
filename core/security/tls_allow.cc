#include "core/security/tls_allow.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "core/base/ascii.h"
#include "core/base/glob.h"
#include "core/base/quote.h"
#include "core/security/openssl_ptr.h"

namespace zerogate {
namespace {

constexpr std::string_view kSpiffe = "spiffe://";
constexpr std::string_view kDns = "dns:";
/// Longer than any name in use: SPIFFE allows 2048 bytes.
constexpr size_t kMaxPatternBytes = 2048;

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

/// Takes the first segment off, with the slash behind it.
std::string_view take_segment(std::string_view& path) {
  const size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  return segment;
}

/// Segment by segment: a `*` never stands for a slash.
bool matches_uri(std::string_view pattern, std::string_view uri) {
  if (std::ranges::count(pattern, '/') != std::ranges::count(uri, '/')) {
    return false;
  }
  while (!pattern.empty() || !uri.empty()) {
    const std::string_view segment = take_segment(uri);
    // An empty segment is no name: "/*" is not "/".
    const std::string_view glob = take_segment(pattern);
    if (!glob_match(glob, segment) || glob.empty() != segment.empty()) {
      return false;
    }
  }
  return true;
}

/// `*.example.com` is one label before `.example.com`.
bool matches_dns(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with("*.")) {
    return pattern == name;
  }
  const size_t dot = name.find('.');
  return dot != name.npos && dot > 0 && name.substr(dot) == pattern.substr(1);
}

bool allows_one(std::string_view pattern, const TlsNames& names) {
  if (pattern == "*") {
    return true;
  }
  if (pattern.starts_with(kDns)) {
    const std::string wanted = lower_case(pattern.substr(kDns.size()));
    return std::ranges::any_of(names.dns,
                               [&](const std::string& name) { return matches_dns(wanted, name); });
  }
  return names.uris.size() == 1 && matches_uri(pattern, names.uris.front());
}

}  // namespace

TlsNames TlsNames::of(const X509* certificate) {
  TlsNames names;
  const std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>> all(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_URI) {
      names.uris.emplace_back(text_of(name->d.uniformResourceIdentifier));
    } else if (name->type == GEN_DNS) {
      names.dns.push_back(lower_case(text_of(name->d.dNSName)));
    }
  }
  const X509_NAME* subject = X509_get_subject_name(certificate);
  if (const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0) {
    names.subject = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
  return names;
}

std::string TlsNames::display() const {
  if (uris.size() == 1) {
    return uris.front();
  }
  if (!dns.empty()) {
    return "dns:" + dns.front();
  }
  return subject.empty() ? "without a name" : "CN=" + subject;
}

Status TlsAllow::check(std::string_view pattern) {
  const auto wrong = [&](std::string_view why) {
    return Error{
        fmt::format("{} {}; write \"*\", spiffe://domain/path or dns:name", quote(pattern), why)};
  };
  if (pattern == "*") {
    return ok_status();
  }
  if (pattern.size() > kMaxPatternBytes) {
    return wrong("is too long");
  }
  if (pattern.starts_with(kDns)) {
    const std::string_view name = pattern.substr(kDns.size());
    const std::string_view fixed = name.starts_with("*.") ? name.substr(2) : name;
    if (fixed.empty() || fixed.find_first_of("*/ ") != fixed.npos) {
      return wrong("is no DNS name, whose first label alone may be *");
    }
    return ok_status();
  }
  if (!pattern.starts_with(kSpiffe)) {
    return wrong("is no name of a certificate");
  }
  std::string_view rest = pattern.substr(kSpiffe.size());
  const std::string_view domain = take_segment(rest);
  if (domain.empty() || domain.find_first_of("* ") != domain.npos) {
    return wrong("needs a trust domain without *");
  }
  return ok_status();
}

bool TlsAllow::allows(const TlsNames& names) const {
  return std::ranges::any_of(
      patterns_, [&](const std::string& pattern) { return allows_one(pattern, names); });
}

}  // namespace zerogate
