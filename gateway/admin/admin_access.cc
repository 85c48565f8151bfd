#include "gateway/admin/admin_access.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/base/ascii.h"
#include "core/base/glob.h"
#include "core/base/quote.h"
#include "core/security/file_text.h"

namespace zerogate {
namespace {

/// Around a token, in a file or a header.
constexpr std::string_view kBlanks = " \t\r\n";
constexpr size_t kMaxBlanks = 16;

/// Ends of names that public DNS does not hold, so that no page of the Internet has one: clusters
/// and container engines use them.
constexpr std::array<std::string_view, 4> kPrivateEnds = {".localhost", ".internal", ".svc",
                                                          ".cluster.local"};

/// "name" of "name:9464", "::1" of "[::1]:9464"; a final dot is no part of a name.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) {
    return lower_case(host.substr(1, host.find(']') - 1));
  }
  std::string name = lower_case(host.substr(0, host.find(':')));
  if (name.ends_with('.')) {
    name.pop_back();
  }
  return name;
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, name.substr(0, name.find('%')).c_str(), bytes.data()) == 1;
}

/// The password in "name:password", in base64; empty when it is none.
std::string password_of(std::string_view base64) {
  constexpr size_t kMaxBytes = 2 * AdminAccess::kMaxTokenBytes;  // a token, with a name and a third
  std::array<unsigned char, kMaxBytes> text{};
  if (base64.size() > kMaxBytes) {
    return "";
  }
  const int length =
      EVP_DecodeBlock(text.data(), reinterpret_cast<const unsigned char*>(base64.data()),
                      static_cast<int>(base64.size()));
  // OpenSSL counts what stands for the padding.
  const auto padding = static_cast<int>(base64.size() - base64.find_last_not_of('=') - 1);
  const std::string both(text.begin(), text.begin() + std::max(length - padding, 0));
  const size_t colon = both.find(':');
  return colon == both.npos ? "" : both.substr(colon + 1);
}

/// Empty when the header has none.
std::string given_token(std::string_view authorization) {
  constexpr std::string_view kBearer = "bearer ";
  constexpr std::string_view kBasic = "basic ";
  const auto rest = [&](std::string_view scheme) {
    return trim(authorization.substr(scheme.size()), kBlanks);
  };
  if (lower_case(authorization.substr(0, kBearer.size())) == kBearer) {
    return std::string(rest(kBearer));
  }
  return lower_case(authorization.substr(0, kBasic.size())) == kBasic ? password_of(rest(kBasic))
                                                                      : "";
}

/// In a time that does not tell how much of it is right.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^
                  static_cast<unsigned char>(b[b.empty() ? 0 : i % b.size()]);
  }
  return difference == 0 && !b.empty();
}

}  // namespace

std::string token_problem(std::string_view token) {
  const auto visible = [](unsigned char c) { return c > ' ' && c < 0x7f; };
  if (token.size() < AdminAccess::kMinTokenBytes || token.size() > AdminAccess::kMaxTokenBytes ||
      !std::ranges::all_of(token, visible)) {
    return fmt::format(
        "a token is {} to {} visible ASCII characters without a blank; make one with openssl rand "
        "-hex 32",
        AdminAccess::kMinTokenBytes, AdminAccess::kMaxTokenBytes);
  }
  return "";
}

Result<std::string> read_token(const std::string& file) {
  const auto failed = [&](std::string_view why) {
    return Error{fmt::format("admin_token_file: {}: {}", quote(file), why)};
  };
  const auto text = read_file_text(file, {.most_bytes = AdminAccess::kMaxTokenBytes + kMaxBlanks,
                                          .fix = "name a file with the token"});
  if (!text) {
    return failed(text.error());
  }
  std::string token(trim(text.value(), kBlanks));
  if (const std::string problem = token_problem(token); !problem.empty()) {
    return failed(problem);
  }
  return token;
}

Result<AdminAccess> AdminAccess::make(AdminAccessOptions options) {
  for (std::string& host : options.hosts) {
    host = lower_case(host);
  }
  options.own_name = lower_case(options.own_name);
  if (!options.token_file.empty()) {
    if (const Result<std::string> token = read_token(options.token_file); !token) {
      return Error{token.error()};
    }
  }
  return AdminAccess(std::move(options));
}

bool AdminAccess::knows_host(std::string_view host) const {
  if (options_.is_local || host.empty()) {
    return true;
  }
  const std::string name = host_name(host);
  return name.find('.') == name.npos || is_address(name) || name == options_.own_name ||
         std::ranges::any_of(kPrivateEnds, [&](auto end) { return name.ends_with(end); }) ||
         std::ranges::any_of(options_.hosts, [&](auto& glob) { return glob_match(glob, name); });
}

Result<bool> AdminAccess::has_token(std::string_view authorization) const {
  const std::string given = given_token(authorization);
  if (options_.token_file.empty()) {
    return same_secret(given, options_.token);
  }
  const Result<std::string> token = read_token(options_.token_file);
  if (!token) {
    return Error{token.error()};
  }
  return same_secret(given, token.value());
}

std::string AdminAccess::token_hint() const {
  return options_.token_file.empty()
             ? std::string("-H \"Authorization: Bearer TOKEN\", which is that of admin_token")
             : fmt::format("-H \"Authorization: Bearer $(cat {})\"", options_.token_file);
}

}  // namespace zerogate
