// A connection of a load to a raw-TCP server (T3).
#pragma once

#include "core/load/load_connection.h"

namespace zerogate {

/// Of calls of `function` with an argument of one MessagePack value.
LoadWire tcp_load(ByteView function, ByteView argument);

class TcpLoadConnection final : public LoadConnection {
 public:
  using LoadConnection::LoadConnection;

 private:
  void greet(OutBuffer& out) override;
  size_t take(ByteView bytes, uint64_t now_ns, size_t& frame_size) override;
};

}  // namespace zerogate
