// A yardstick: the least that a libuv server of raw TCP (T3) can do. It answers every frame with
// "hello world", whatever it asks for (a first `connect` excepted): no function is looked up, no
// argument read, nothing counted.
// One write for all frames of a read, as the gateway does it.
//
//   bare_tcp_server      listens on a free port of loopback, prints it, and serves until a signal

#include <fmt/format.h>
#include <netinet/in.h>
#include <uv.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "core/wire/big_endian.h"
#include "core/wire/t3.h"

namespace zerogate::bench {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxFrame = 16 << 20;
constexpr ByteView kHelloWorld =
    "\xab"
    "hello world";

constexpr ByteView kConnected =
    "\xa9"
    "connected";

char read_buffer[kReadBytes];  // of all connections: a program of one page may have a global
std::string canned_reply;      // with an id to write over

struct Connection {
  uv_tcp_t tcp;
  std::string rest;  ///< the begin of a frame
  std::string out;
  bool first = true;  ///< no frame has come yet
};

void close(Connection* connection) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&connection->tcp);
  if (uv_is_closing(handle) != 0) {
    return;
  }
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<Connection*>(closed->data); });
}

/// Writes what there is; what the kernel does not take at once waits in a request of its own.
void write(Connection* connection) {
  std::string& out = connection->out;
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection->tcp);
  uv_buf_t all = uv_buf_init(out.data(), static_cast<unsigned>(out.size()));
  const int taken = stream->write_queue_size > 0 ? UV_EAGAIN : uv_try_write(stream, &all, 1);
  if (taken < 0 && taken != UV_EAGAIN) {
    return close(connection);
  }
  if (taken > 0) {
    out.erase(0, static_cast<size_t>(taken));
  }
  if (out.empty()) {
    return;
  }
  struct Waiting {
    uv_write_t request;
    std::string bytes;
  };
  auto* waiting = new Waiting{{}, std::move(out)};
  out.clear();
  uv_buf_t rest = uv_buf_init(waiting->bytes.data(), static_cast<unsigned>(waiting->bytes.size()));
  waiting->request.data = waiting;
  uv_write(&waiting->request, stream, &rest, 1,
           [](uv_write_t* request, int) { delete static_cast<Waiting*>(request->data); });
}

void answer(Connection* connection, ByteView bytes) {
  while (!bytes.empty()) {
    const wire::t3::Frame frame = wire::t3::parse_frame(bytes, kMaxFrame);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      break;
    }
    if (frame.status != wire::t3::FrameStatus::whole) {
      return close(connection);
    }
    std::string& out = connection->out;
    // A gateway wants its `connect` answered; it is the first frame of a connection.
    if (std::exchange(connection->first, false) &&
        frame.payload.find("connect") != ByteView::npos) {
      wire::t3::write_frame(out, frame.id, false, kConnected);
    } else {
      const size_t begin = out.size();
      out.append(canned_reply);
      wire::store_be<4>(out.data() + begin + wire::t3::kLengthBytes, frame.id);
    }
    bytes.remove_prefix(frame.size);
  }
  connection->rest.assign(bytes);
  if (!connection->out.empty()) {
    write(connection);
  }
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
  auto* connection = static_cast<Connection*>(stream->data);
  if (size < 0) {
    return close(connection);
  }
  const ByteView bytes(read_buffer, static_cast<size_t>(size));
  if (connection->rest.empty()) {
    return answer(connection, bytes);
  }
  const std::string whole = connection->rest.append(bytes);
  answer(connection, whole);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status != 0) {
    return;
  }
  auto* connection = new Connection;
  uv_tcp_init(listener->loop, &connection->tcp);
  connection->tcp.data = connection;
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection->tcp);
  if (uv_accept(listener, stream) != 0) {
    return close(connection);
  }
  uv_tcp_nodelay(&connection->tcp, 1);
  const auto alloc = [](uv_handle_t*, size_t, uv_buf_t* buffer) {
    *buffer = uv_buf_init(read_buffer, kReadBytes);
  };
  uv_read_start(stream, alloc, on_read);
}

int run() {
  wire::t3::write_frame(canned_reply, 0, false, kHelloWorld);
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  int error = uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (error == 0) {
    error = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection);
  }
  int size = sizeof address;
  if (error == 0) {
    error = uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
  }
  if (error != 0) {
    fmt::print(stderr, "bare_tcp_server: cannot listen: {}\n", uv_strerror(error));
    return EXIT_FAILURE;
  }
  fmt::print("{}\n", ntohs(address.sin_port));
  std::fflush(stdout);
  std::signal(SIGPIPE, SIG_IGN);
  return uv_run(loop, UV_RUN_DEFAULT);
}

}  // namespace
}  // namespace zerogate::bench

int main() { return zerogate::bench::run(); }
