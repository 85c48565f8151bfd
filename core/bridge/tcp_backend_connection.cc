#include "core/bridge/tcp_backend_connection.h"

#include <fmt/format.h>

#include <cstring>

#include "core/wire/msgpack_scan.h"
#include "core/wire/t3.h"

namespace zerogate {

namespace {

constexpr ByteView kNil = "\xc0";
constexpr unsigned kKeepAliveSeconds = 30;

}  // namespace

/// The part of a connection that libuv may still touch after the connection is gone.
struct TcpBackendConnection::Stream {
  explicit Stream(TcpBackendConnection* owner)
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
      return connection->fail(uv_strerror(status));
    }
    connection->flush();
  }
  void close() {
    connection = nullptr;
    uv_close(&uv.handle, [](uv_handle_t* closed) { delete static_cast<Stream*>(closed->data); });
  }

  UvStream uv;
  uv_connect_t connect;
  TcpBackendConnection* connection;
  StreamWriter writer;
};

TcpBackendConnection::TcpBackendConnection(uv_loop_t* loop, Owner& owner, const Address& address,
                                           const BackendConnectionOptions& options)
    : BackendConnection(owner),
      loop_(loop),
      options_(options),
      stream_(new Stream(this)),
      deadline_(make_uv<uv_timer_t>(loop, uv_timer_init, this)) {
  uv_timer_start(
      deadline_.get(),
      [](uv_timer_t* timer) {
        static_cast<TcpBackendConnection*>(timer->data)->fail("no answer to `connect` in time");
      },
      options.connect_timeout_ms, 0);
  connect(address);
}

TcpBackendConnection::~TcpBackendConnection() { stream_->close(); }

void TcpBackendConnection::connect(const Address& address) {
  const auto done = [](uv_connect_t* connect, int status) {
    auto* stream = static_cast<Stream*>(connect->data);
    if (stream->connection != nullptr) {
      stream->connection->on_connected(status);
    }
  };
  if (address.is_path()) {
    uv_pipe_init(loop_, &stream_->uv.pipe, 0);
    stream_->uv.handle.data = stream_;
    uv_pipe_connect(&stream_->connect, &stream_->uv.pipe, address.path.c_str(), done);
    return;
  }
  uv_tcp_init(loop_, &stream_->uv.tcp);
  stream_->uv.handle.data = stream_;
  uv_tcp_nodelay(&stream_->uv.tcp, 1);
  uv_tcp_keepalive(&stream_->uv.tcp, 1, kKeepAliveSeconds);
  sockaddr_storage to{};
  const char* host = address.host.c_str();
  if (uv_ip4_addr(host, address.port, reinterpret_cast<sockaddr_in*>(&to)) != 0) {
    uv_ip6_addr(host, address.port, reinterpret_cast<sockaddr_in6*>(&to));
  }
  const int error = uv_tcp_connect(&stream_->connect, &stream_->uv.tcp,
                                   reinterpret_cast<const sockaddr*>(&to), done);
  // Told on the next turn, as every failure is: nobody expects on_down() in a constructor.
  if (error != 0) {
    uv_timer_start(
        deadline_.get(),
        [](uv_timer_t* timer) {
          static_cast<TcpBackendConnection*>(timer->data)->fail("cannot connect");
        },
        0, 0);
  }
}

void TcpBackendConnection::on_connected(int status) {
  if (status != 0) {
    return fail(uv_strerror(status));
  }
  start_reading();
  wire::t3::write_request(stream_->writer.out(), kProbeId, "connect", kNil);
  gathered_ += stream_->writer.out().size();
  flush();
}

void TcpBackendConnection::start_reading() {
  const auto alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    TcpBackendConnection& connection = *static_cast<Stream*>(handle->data)->connection;
    *buffer = connection.reader_.space(connection.options_.read_buffer);
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
    static_cast<Stream*>(stream->data)->connection->on_read(size);
  };
  uv_read_start(&stream_->uv.stream, alloc, read);
}

void TcpBackendConnection::on_read(ssize_t size) {
  if (size == 0) {
    return;
  }
  if (size < 0) {
    return fail(size == UV_EOF ? "the connection was closed" : uv_strerror(static_cast<int>(size)));
  }
  const FrameReader::Chunk chunk = reader_.take(options_.read_buffer, static_cast<size_t>(size));
  parse(chunk.bytes);
}

void TcpBackendConnection::parse(ByteView bytes) {
  while (!bytes.empty() && !down()) {
    const wire::t3::Frame frame = wire::t3::parse_frame(bytes, options_.max_message);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      return reader_.keep(bytes, frame.size);
    }
    if (frame.status == wire::t3::FrameStatus::too_large) {
      return fail("a reply was too large");
    }
    if (frame.status != wire::t3::FrameStatus::whole || !wire::is_one_value(frame.payload)) {
      return fail("it sent something that is no reply of Zero's TCP protocol");
    }
    bytes.remove_prefix(frame.size);
    on_frame(frame.id, frame.payload);
  }
}

void TcpBackendConnection::on_frame(uint32_t id, ByteView payload) {
  if (id != kProbeId) {
    return complete(id, payload);
  }
  uv_timer_stop(deadline_.get());
  came_up();
}

void TcpBackendConnection::send(ForwardedCall& forwarded) {
  const uint32_t id = take_slot(forwarded);
  if (begin_.size() <= forwarded.slot) {
    begin_.resize(forwarded.slot + 1);
  }
  begin_[forwarded.slot] = gathered_;
  std::string& out = stream_->writer.out();
  const size_t before = out.size();
  wire::t3::write_request(out, id, forwarded.function(), forwarded.argument());
  gathered_ += out.size() - before;
}

bool TcpBackendConnection::was_written(const ForwardedCall& forwarded) const {
  return stream_->writer.written() > begin_[forwarded.slot];
}

void TcpBackendConnection::flush() {
  if (down()) {
    return;
  }
  const int error = stream_->writer.flush(&stream_->uv.stream);
  if (error != 0) {
    fail(uv_strerror(error));
  }
}

void TcpBackendConnection::fail(std::string_view reason) {
  uv_timer_stop(deadline_.get());
  if (!down()) {
    uv_read_stop(&stream_->uv.stream);
  }
  went_down(reason);
}

}  // namespace zerogate
