#include "core/wire/server_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/quote.h"

namespace zerogate {
namespace {

struct Scheme {
  std::string_view prefix;
  Protocol protocol;
  bool local = false;  ///< Address::parse wants the prefix of a local socket
  bool tls = false;
};
constexpr Scheme kSchemes[] = {{"tcp://", Protocol::tcp},
                               {"zmq://", Protocol::zmq},
                               {.prefix = "tls://", .protocol = Protocol::tcp, .tls = true},
                               {"unix:", Protocol::tcp, true},
                               {"ipc:", Protocol::zmq, true}};

bool has_scheme(std::string_view text) {
  return std::ranges::any_of(
      kSchemes, [text](const Scheme& scheme) { return text.starts_with(scheme.prefix); });
}

Error no_url(std::string_view text, std::string_view tls_too) {
  return Error{
      fmt::format("{} is no URL of a Zero server; write tcp://host:port, "
                  "zmq://host:port, {}unix:/path or ipc:/path",
                  quote(text), tls_too)};
}

}  // namespace

Result<ServerUrl> ServerUrl::parse(std::string_view text) {
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) {
      continue;
    }
    auto address = Address::parse(scheme.local ? text : text.substr(scheme.prefix.size()),
                                  fmt::format("{}127.0.0.1:5559", scheme.prefix));
    if (!address) {
      return Error{address.error()};
    }
    if (address.value().is_path() != scheme.local) {
      return Error{
          fmt::format("{} is a path behind {}; write unix:/path for raw TCP's protocol or "
                      "ipc:/path for ZeroMQ's",
                      quote(text), scheme.prefix)};
    }
    if (!address.value().is_path() && address.value().port == 0) {
      return Error{fmt::format("{} has port 0, which nobody listens on", quote(text))};
    }
    return ServerUrl{scheme.protocol, std::move(address).value(), scheme.tls};
  }
  return no_url(text, "tls://host:port, ");
}

Result<ServerUrl> ServerUrl::parse_plain(std::string_view text) {
  if (!has_scheme(text)) {
    return no_url(text, "");
  }
  auto url = parse(text);
  if (url && url.value().tls) {
    return Error{
        fmt::format("{} is for backends of a gateway alone; call the gateway, or the server's port "
                    "without TLS, by tcp://host:port",
                    quote(text))};
  }
  return url;
}

std::string ServerUrl::display() const {
  if (address.is_path()) {
    return (protocol == Protocol::tcp ? "unix:" : "ipc:") + address.path;
  }
  const std::string_view scheme = tls ? "tls://" : protocol == Protocol::tcp ? "tcp://" : "zmq://";
  return std::string(scheme) + address.display();
}

}  // namespace zerogate
