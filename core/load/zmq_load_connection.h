// A connection of a load to a ZeroMQ server (W5): a DEALER that speaks ZMTP by itself. libzmq would
// take a thread of its own and most of what a call costs here, reconnect by itself, and lose
// requests without a word.
#pragma once

#include "core/load/load_connection.h"

namespace zerogate {

/// Of calls of `function`, at most 80 bytes, with an argument of one MessagePack value.
LoadWire zmq_load(ByteView function, ByteView argument);

class ZmqLoadConnection final : public LoadConnection {
 public:
  using LoadConnection::LoadConnection;

 private:
  enum class Phase : uint8_t { greeting, handshake, open };

  void greet(OutBuffer& out) override;
  size_t take(ByteView bytes, uint64_t now_ns, size_t& frame_size) override;
  size_t take_greeting(ByteView bytes);
  void take_command(ByteView body);
  void take_message(ByteView body, uint64_t now_ns);

  Phase phase_ = Phase::greeting;
};

}  // namespace zerogate
