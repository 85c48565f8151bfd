// A connection of a load to a raw-TCP server (T3).
#pragma once

#include <uv.h>

#include <optional>
#include <string>

#include "core/client/resolve.h"
#include "core/io/tcp_stream.h"
#include "core/load/load_connection.h"

namespace zerogate {

/// What all raw-TCP connections of a load share. Outlives them.
struct TcpLoad {
  /// Of a call of `function` with an argument of one MessagePack value.
  TcpLoad(ByteView function, ByteView argument);

  std::string request;      ///< its bytes; each call writes its own id over them
  std::string read_buffer;  ///< of FrameReader
  std::optional<TlsUse> tls{};
};

class TcpLoadConnection final : public LoadConnection, private TcpStream::Owner {
 public:
  TcpLoadConnection(uv_loop_t* loop, uint32_t number, LoadConnection::Owner& owner, TcpLoad& load,
                    const SocketAddress& address);

  void open() override;
  void send(uint32_t id) override;
  void flush() override;

 private:
  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_writable() override { flush(); }
  void on_closed(int error) override;
  void parse(ByteView bytes, uint64_t now_ns);

  TcpLoad& load_;
  const SocketAddress address_;
  TcpStream stream_;
  bool open_ = false;
};

}  // namespace zerogate
