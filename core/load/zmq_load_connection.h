// A connection of a load to a ZeroMQ server (W5): a DEALER of its own.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "core/io/zmq_monitor.h"
#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"
#include "core/load/load_connection.h"

namespace zerogate {

/// What all ZeroMQ connections of a load share. Outlives them.
struct ZmqLoad {
  /// For calls of `function`, at most 80 bytes, with an argument of one MessagePack value. Makes
  /// room for `connections` in a context of its own.
  ZmqLoad(ByteView function, ByteView argument, uint32_t connections);

  ZmqContext context;
  std::string request;  ///< a call's bytes; each writes its own id over them
};

/// One connection, as with TCP. libzmq would reconnect by itself and lose requests without a word,
/// so it is told not to reconnect. Loop thread only.
class ZmqLoadConnection final : public LoadConnection, private ZmqReader {
 public:
  /// `endpoint` as libzmq takes it, with a numeric address.
  ZmqLoadConnection(uv_loop_t* loop, uint32_t number, Owner& owner, ZmqLoad& load,
                    std::string endpoint);
  ~ZmqLoadConnection() override;

  void open() override;
  void send(uint32_t id) override { gathered_.push_back(id); }
  void flush() override;

 private:
  bool receive() override;
  void on_message(ByteView body, uint64_t now_ns);
  void send_body(ByteView body, uint32_t id);

  uv_loop_t* const loop_;
  ZmqLoad& load_;
  const std::string endpoint_;
  ZmqSocket dealer_;
  std::unique_ptr<ZmqMonitor> monitor_;
  std::unique_ptr<ZmqPoll> poll_;
  std::vector<uint32_t> gathered_;  ///< calls that the next flush() sends
  bool open_ = false;
};

}  // namespace zerogate
