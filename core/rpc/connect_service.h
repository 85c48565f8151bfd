// `connect`, which every ZeroMQ client calls first and no user defines (zeroapi 1.0.1 reserves it
// on both protocols, zero/protocols/common_rpc.py).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/base/random.h"
#include "core/rpc/service.h"

namespace zerogate {

/// Answers "connected" to every peer but this process itself. A backend's name may lead back to the
/// gateway (a compose alias, a Service's own name), and calls would go round until they time out.
/// So a backend connection tells in its `connect` which gateway it belongs to, where Zero's servers
/// ignore it: over raw TCP in the argument, over ZeroMQ in the request's id. To such a connection a
/// gateway says that it is one, too, which works on all calls of a connection at once: it writes
/// "connected" in MessagePack's longer form. Loop thread only.
class ConnectService final : public Service {
 public:
  static constexpr const char* kName = "connect";
  static constexpr std::string_view kAnswer = "connected";
  /// The answer over raw TCP to a connection of another gateway's.
  static constexpr std::string_view kGatewayAnswer =
      "\xd9\x09"
      "connected";
  static constexpr std::string_view kIdentityPrefix = "gateway:";
  /// The error for a peer that is the same gateway.
  static constexpr std::string_view kSelf = "this is the gateway itself";

  static constexpr size_t kIdentityBytes = 16;  ///< as many as an id of W5 has
  /// Printable, and never like an id of hexadecimal digits.
  static std::string make_identity(uint64_t seed) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string identity(kIdentityPrefix);
    Random random(seed);
    while (identity.size() < kIdentityBytes) {
      identity += kAlphabet[random.below(kAlphabet.size())];
    }
    return identity;
  }

  /// `identity` is make_identity()'s, one for the process. Empty: every peer is answered.
  explicit ConnectService(std::string identity = {}) : identity_(std::move(identity)) {}

  void serve(const Request& request, Call call) override {
    if (!identity_.empty() &&
        (request.argument.ends_with(identity_) || call.request_id() == identity_)) {
      return std::move(call).fail(Outcome::unavailable, kSelf);
    }
    std::move(call).reply(is_identity(request.argument)
                              ? kGatewayAnswer
                              : "\xa9"
                                "connected");  // a MessagePack string of 9 bytes
  }

 private:
  /// A MessagePack string of kIdentityBytes.
  static bool is_identity(ByteView argument) {
    return argument.size() == 1 + kIdentityBytes && argument[0] == '\xb0' &&
           argument.substr(1).starts_with(kIdentityPrefix);
  }

  const std::string identity_;
};

}  // namespace zerogate
