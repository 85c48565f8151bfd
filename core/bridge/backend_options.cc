#include "core/bridge/backend_options.h"

#include "core/wire/server_url.h"

namespace zerogate {

Result<BackendUrl> BackendUrl::parse(std::string_view text) {
  auto url = ClientUrl::parse(text);  // `zerogate call` takes the very same URLs
  if (!url) return Error{url.error()};
  return BackendUrl{url.value().protocol, std::move(url).value().address};
}

std::string BackendUrl::display() const {
  if (address.is_path()) return (protocol == Protocol::tcp ? "unix:" : "ipc:") + address.path;
  return (protocol == Protocol::tcp ? "tcp://" : "zmq://") + address.display();
}

}  // namespace zerogate
