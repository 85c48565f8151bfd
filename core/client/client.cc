#include "core/client/client.h"

#include "core/client/tcp_client.h"
#include "core/client/zmq_client.h"
#include "core/wire/server_url.h"

namespace zerogate {

Result<std::unique_ptr<Client>> Client::connect(std::string_view url, uint32_t timeout_ms) {
  const auto parsed = ServerUrl::parse_plain(url);
  if (!parsed) {
    return Error{parsed.error()};
  }
  if (parsed.value().protocol == Protocol::tcp) {
    return TcpClient::connect(parsed.value(), timeout_ms);
  }
  return ZmqClient::connect(parsed.value(), timeout_ms);
}

}  // namespace zerogate
