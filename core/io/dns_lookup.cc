#include "core/io/dns_lookup.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <memory>

namespace zerogate {
namespace {

/// Of a name with more addresses only the first ones are taken: one more than a backend uses, so
/// that the backend sees that there are too many, and says so.
constexpr size_t kMaxAddresses = 65;

std::vector<std::string> numeric_addresses(const addrinfo* found) {
  std::vector<std::string> addresses;
  for (const addrinfo* info = found; info && addresses.size() < kMaxAddresses;
       info = info->ai_next) {
    char text[NI_MAXHOST];
    // getnameinfo and not inet_ntop, for it keeps the scope of a link-local IPv6 address.
    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) == 0 &&
        std::find(addresses.begin(), addresses.end(), text) == addresses.end()) {
      addresses.emplace_back(text);
    }
  }
  return addresses;
}

}  // namespace

struct DnsLookup::Request {
  uv_getaddrinfo_t handle;
  DnsLookup* owner;  // null when it has gone
};

DnsLookup::~DnsLookup() {
  if (!request_) {
    return;
  }
  request_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->handle));  // fails when a thread has it: fine
}

Status DnsLookup::start(const std::string& host) {
  assert(!running());
  auto request = std::make_unique<Request>();
  request->owner = this;
  request->handle.data = request.get();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const int status =
      uv_getaddrinfo(loop_, &request->handle, &DnsLookup::on_done, host.c_str(), nullptr, &hints);
  if (status != 0) {
    return Error{uv_strerror(status)};
  }
  request_ = request.release();
  return ok_status();
}

void DnsLookup::on_done(uv_getaddrinfo_t* handle, int status, addrinfo* found) {
  const std::unique_ptr<Request> request(static_cast<Request*>(handle->data));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> free_found(found, &uv_freeaddrinfo);
  DnsLookup* const owner = request->owner;
  if (!owner) {
    return;
  }
  owner->request_ = nullptr;
  if (status != 0) {
    return owner->done_(Error{uv_strerror(status)});
  }
  std::vector<std::string> addresses = numeric_addresses(found);
  if (addresses.empty()) {
    return owner->done_(Error{"the name has no address"});
  }
  owner->done_(std::move(addresses));
}

bool DnsLookup::is_address(const std::string& host) {
  char buffer[sizeof(in6_addr)];
  return uv_inet_pton(AF_INET, host.c_str(), buffer) == 0 ||
         uv_inet_pton(AF_INET6, host.c_str(), buffer) == 0;
}

}  // namespace zerogate
