// By what name an endpoint of a backend is known, and how it is shown. Pure functions.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "core/base/address.h"

namespace zerogate {

/// Stands for the name of a TLS server that may prove one of several.
inline constexpr std::string_view kAnyTlsName = "tls";

/// "a.test@10.0.0.2:5559": over TLS the name that the server must prove is part of what it is, for
/// several may be behind one address. An address alone is an endpoint without TLS.
std::string tls_endpoint_name(std::string_view tls_name, const Address& address);

/// What stands behind the '@', or all of it.
std::string_view address_of(std::string_view endpoint);

/// How the endpoints of one backend are shown: by the address alone, unless several have it.
class ShownEndpoints {
 public:
  void add(const std::string& endpoint);
  /// Of one that was added, or that has gone.
  std::string name_of(const std::string& endpoint) const;

 private:
  std::map<std::string, std::set<std::string>, std::less<>> by_address_;
};

}  // namespace zerogate
