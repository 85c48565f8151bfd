#include "core/wire/server_url.h"

#include <fmt/format.h>

#include "core/base/quote.h"

namespace zerogate {
namespace {

struct Scheme {
  std::string_view prefix;
  Protocol protocol;
  bool local;  ///< Address::parse wants the prefix of a local socket
};
constexpr Scheme kSchemes[] = {{"tcp://", Protocol::tcp, false},
                               {"zmq://", Protocol::zmq, false},
                               {"unix:", Protocol::tcp, true},
                               {"ipc:", Protocol::zmq, true}};

}  // namespace

Result<ServerUrl> ServerUrl::parse(std::string_view text) {
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) {
      continue;
    }
    auto address = Address::parse(scheme.local ? text : text.substr(scheme.prefix.size()));
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
    return ServerUrl{scheme.protocol, std::move(address).value()};
  }
  return Error{
      fmt::format("{} is no URL of a Zero server; write tcp://host:port, "
                  "zmq://host:port, unix:/path or ipc:/path",
                  quote(text))};
}

std::string ServerUrl::display() const {
  if (address.is_path()) {
    return (protocol == Protocol::tcp ? "unix:" : "ipc:") + address.path;
  }
  return (protocol == Protocol::tcp ? "tcp://" : "zmq://") + address.display();
}

}  // namespace zerogate
