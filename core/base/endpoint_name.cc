#include "core/base/endpoint_name.h"

#include <fmt/format.h>

namespace zerogate {

std::string tls_endpoint_name(std::string_view tls_name, const Address& address) {
  return fmt::format("{}@{}", tls_name.empty() ? kAnyTlsName : tls_name, address.display());
}

// A path and the zone of an IPv6 address may have an '@' of their own.
std::string_view address_of(std::string_view endpoint) {
  const size_t at = endpoint.find_first_of("@/[");
  return at != std::string_view::npos && endpoint[at] == '@' ? endpoint.substr(at + 1) : endpoint;
}

void ShownEndpoints::add(const std::string& endpoint) {
  by_address_[std::string(address_of(endpoint))].insert(endpoint);
}

std::string ShownEndpoints::name_of(const std::string& endpoint) const {
  const std::string_view address = address_of(endpoint);
  const auto sharing = by_address_.find(address);
  const bool shared = sharing != by_address_.end() && sharing->second.size() > 1;
  return shared ? endpoint : std::string(address);
}

}  // namespace zerogate
