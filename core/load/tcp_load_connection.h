// A connection of a load to a raw-TCP server (T3).
#pragma once

#include <uv.h>

#include <string>

#include "core/client/resolve.h"
#include "core/io/frame_reader.h"
#include "core/load/load_connection.h"

namespace zerogate {

/// What all raw-TCP connections of a load share. Outlives them.
struct TcpLoad {
  /// Of a call of `function` with an argument of one MessagePack value.
  TcpLoad(ByteView function, ByteView argument);

  std::string request;      ///< its bytes; each call writes its own id over them
  std::string read_buffer;  ///< of FrameReader
};

class TcpLoadConnection final : public LoadConnection {
 public:
  TcpLoadConnection(uv_loop_t* loop, uint32_t number, Owner& owner, TcpLoad& load,
                    const SocketAddress& address);
  ~TcpLoadConnection() override;

  void open() override;
  void send(uint32_t id) override;
  void flush() override;

 private:
  struct Stream;
  void on_connected(int status);
  void on_read(ssize_t size);
  void parse(ByteView bytes, uint64_t now_ns);

  uv_loop_t* const loop_;
  TcpLoad& load_;
  const SocketAddress address_;
  Stream* stream_;  ///< frees itself in its close callback, which comes after pending writes'
  FrameReader reader_;
  bool open_ = false;
};

}  // namespace zerogate
