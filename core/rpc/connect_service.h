// `connect`, which every ZeroMQ client calls first and no user defines (zeroapi 1.0.1 reserves it
// on both protocols, zero/protocols/common_rpc.py).
#pragma once

#include "core/rpc/service.h"

namespace zerogate {

class ConnectService final : public Service {
 public:
  static constexpr const char* kName = "connect";
  void serve(const Request&, Call call) override {
    std::move(call).reply(
        "\xa9"
        "connected");  // a MessagePack string of 9 bytes
  }
};

}  // namespace zerogate
