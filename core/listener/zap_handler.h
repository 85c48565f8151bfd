// Who may connect to the CURVE port: libzmq's questions about newcomers, answered on the loop.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"

namespace zerogate {

/// A newcomer, valid during the judgement.
struct ZapRequest {
  ByteView address;    ///< without port; libzmq's words for a Unix socket
  ByteView mechanism;  ///< "NULL" or "CURVE"
  ByteView key;        ///< CURVE: 32 bytes
};

/// The server of libzmq's authentication protocol (ZAP, RFC 27) for the sockets of one context with
/// the domain kDomain. libzmq 4.3.4 lets every peer in when no server is bound: a socket whose
/// peers are to be judged needs enforce() before it binds, the server before that, and its own end
/// before the server's. Loop thread only.
class ZapHandler final : private ZmqReader {
 public:
  static constexpr ByteView kDomain = "zerogate";
  /// Newcomers judged before other handles of the loop have their turn.
  static constexpr int kRequestsPerTurn = 64;

  /// The name under which the peer's messages come (User-Id), which may be empty; nothing: the peer
  /// is refused.
  using Judge = std::function<std::optional<std::string>(const ZapRequest&)>;

  /// Null when the system has no room for it. The context outlives it.
  static std::unique_ptr<ZapHandler> make(uv_loop_t* loop, void* context, Judge judge);

  /// Has libzmq refuse the socket's peers when there is no server. False: it does not know how.
  static bool enforce(const ZmqSocket& socket);

 private:
  explicit ZapHandler(Judge judge) : judge_(std::move(judge)) {}
  bool receive() override;
  bool receive_one();
  void answer(ByteView request_id, const std::optional<std::string>& name);

  const Judge judge_;
  ZmqSocket socket_;
  std::unique_ptr<ZmqPoll> poll_;
};

}  // namespace zerogate
