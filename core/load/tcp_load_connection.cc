#include "core/load/tcp_load_connection.h"

#include <sys/un.h>

#include "core/io/stream_writer.h"
#include "core/io/uv_ptr.h"
#include "core/wire/big_endian.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/t3.h"

namespace zerogate {
namespace {

constexpr ByteView kNil{&wire::kNil, 1};

std::string_view why_malformed(wire::t3::FrameStatus status) {
  switch (status) {
    case wire::t3::FrameStatus::other_protocol:
      return "it does not speak Zero's TCP protocol; is it a ZeroMQ port (zmq://)?";
    case wire::t3::FrameStatus::too_large:
      return "a reply was too large";
    default:
      return "it sent something that is no reply of Zero's TCP protocol";
  }
}

}  // namespace

TcpLoad::TcpLoad(ByteView function, ByteView argument)
    : read_buffer(FrameReader::kSharedBytes, '\0') {
  wire::t3::write_request(request, 0, function, argument);
}

/// The part of a connection that libuv may still touch after the connection is gone.
struct TcpLoadConnection::Stream {
  explicit Stream(TcpLoadConnection* owner)
      : connection(owner), writer(this, [](void* self, int status) {
          static_cast<Stream*>(self)->on_written(status);
        }) {
    connect.data = this;
  }
  void on_written(int status) {
    if (connection == nullptr) {
      return;
    }
    if (status != 0) {
      return connection->end(CallError::disconnected, uv_strerror(status));
    }
    connection->flush();
  }
  void close() {
    connection = nullptr;
    if (!opened) {
      return delete this;
    }
    uv_close(&uv.handle, [](uv_handle_t* closed) { delete static_cast<Stream*>(closed->data); });
  }

  UvStream uv;
  bool opened = false;  ///< uv is initialised
  uv_connect_t connect;
  TcpLoadConnection* connection;
  StreamWriter writer;
};

TcpLoadConnection::TcpLoadConnection(uv_loop_t* loop, uint32_t number, Owner& owner, TcpLoad& load,
                                     const SocketAddress& address)
    : LoadConnection(number, owner),
      loop_(loop),
      load_(load),
      address_(address),
      stream_(new Stream(this)) {}

TcpLoadConnection::~TcpLoadConnection() { stream_->close(); }

void TcpLoadConnection::open() {
  const auto done = [](uv_connect_t* connect, int status) {
    auto* stream = static_cast<Stream*>(connect->data);
    if (stream->connection != nullptr) {
      stream->connection->on_connected(status);
    }
  };
  stream_->opened = true;
  if (address_.get()->sa_family == AF_UNIX) {
    uv_pipe_init(loop_, &stream_->uv.pipe, 0);
    stream_->uv.handle.data = stream_;
    const auto* local = reinterpret_cast<const sockaddr_un*>(address_.get());
    uv_pipe_connect(&stream_->connect, &stream_->uv.pipe, local->sun_path, done);
    return;
  }
  uv_tcp_init(loop_, &stream_->uv.tcp);
  stream_->uv.handle.data = stream_;
  const int error = uv_tcp_connect(&stream_->connect, &stream_->uv.tcp, address_.get(), done);
  if (error != 0) {
    end(CallError::disconnected, uv_strerror(error));
  }
}

void TcpLoadConnection::on_connected(int status) {
  if (status != 0) {
    return end(CallError::disconnected, uv_strerror(status));
  }
  if (stream_->uv.handle.type == UV_TCP) {
    uv_tcp_nodelay(&stream_->uv.tcp, 1);
  }
  const auto alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    TcpLoadConnection& self = *static_cast<Stream*>(handle->data)->connection;
    *buffer = self.reader_.space(self.load_.read_buffer.data());
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
    static_cast<Stream*>(stream->data)->connection->on_read(size);
  };
  uv_read_start(&stream_->uv.stream, alloc, read);
  wire::t3::write_request(stream_->writer.out(), kHandshakeId, "connect", kNil);
  flush();
}

void TcpLoadConnection::on_read(ssize_t size) {
  if (size == 0) {
    return;
  }
  if (size < 0) {
    return end(CallError::disconnected, size == UV_EOF ? "the server closed the connection"
                                                       : uv_strerror(static_cast<int>(size)));
  }
  const uint64_t now_ns = uv_hrtime();
  const auto chunk = reader_.take(load_.read_buffer.data(), static_cast<size_t>(size));
  parse(chunk.bytes, now_ns);
  if (ended()) {
    uv_read_stop(&stream_->uv.stream);
  }
}

void TcpLoadConnection::parse(ByteView bytes, uint64_t now_ns) {
  while (!bytes.empty() && !ended()) {
    wire::t3::Frame frame;
    wire::t3::read_frame(frame, bytes, kMaxLoadReplyBytes);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      return reader_.keep(bytes, frame.size);
    }
    if (frame.status != wire::t3::FrameStatus::whole) {
      return end(CallError::malformed, why_malformed(frame.status));
    }
    bytes.remove_prefix(frame.size);
    if (!open_ && frame.id == kHandshakeId) {
      open_ = true;
      owner_.on_open(*this);
      continue;
    }
    const auto error = frame.flag == 0 ? std::nullopt : std::optional(call_error_of(frame.payload));
    if (!owner_.on_reply(*this, frame.id, error, frame.payload, frame.size, now_ns)) {
      end(CallError::malformed, "it sent an answer to no call of ours");
    }
  }
}

void TcpLoadConnection::send(uint32_t id) {
  std::string& out = stream_->writer.out();
  const size_t begin = out.size();
  out.append(load_.request);
  wire::store_be<4>(out.data() + begin + wire::t3::kLengthBytes, id);
}

void TcpLoadConnection::flush() {
  if (ended()) {
    return;
  }
  const int error = stream_->writer.flush(&stream_->uv.stream);
  if (error != 0) {
    end(CallError::disconnected, uv_strerror(error));
  }
}

}  // namespace zerogate
