#include "tests/integration/redis_client_fixture.h"

#include <arpa/inet.h>

#include <algorithm>

namespace zerogate::testing {

struct FakeRedis::Peer {
  uv_tcp_t tcp;
  FakeRedis* owner;
  char buffer[64 * 1024];

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
  void write(std::string_view bytes) {
    // Answers are short and the client reads: they fit into the socket's buffer.
    uv_buf_t buf =
        uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    if (!bytes.empty()) {
      uv_try_write(stream(), &buf, 1);
    }
  }
  void close() {
    if (owner) {
      std::erase(owner->peers_, this);
    }
    owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp),
             [](uv_handle_t* handle) { delete static_cast<Peer*>(handle->data); });
  }
  void on_read(ssize_t count) {
    if (count < 0) {
      return close();
    }
    const std::string answer = owner->script_({buffer, static_cast<size_t>(count)});
    if (answer == "close") {
      return close();
    }
    write(answer);
  }
};

FakeRedis::FakeRedis(uv_loop_t* loop, Script script)
    : script_(std::move(script)), listener_(new uv_tcp_t) {
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, listener_);
  listener_->data = this;
  uv_tcp_bind(listener_, reinterpret_cast<sockaddr*>(&address), 0);
  uv_listen(reinterpret_cast<uv_stream_t*>(listener_), 16, &FakeRedis::on_accept);
}

FakeRedis::~FakeRedis() {
  close_all();
  uv_close(reinterpret_cast<uv_handle_t*>(listener_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
}

void FakeRedis::close_all() {
  while (!peers_.empty()) {
    peers_.back()->close();
  }
}

RedisUrl FakeRedis::url() const {
  sockaddr_in address;
  int length = sizeof address;
  uv_tcp_getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  RedisUrl url;
  url.port = ntohs(address.sin_port);
  return url;
}

void FakeRedis::send(std::string_view bytes) {
  for (Peer* peer : peers_) {
    peer->write(bytes);
  }
}

void FakeRedis::on_accept(uv_stream_t* listener, int) {
  auto* self = static_cast<FakeRedis*>(listener->data);
  auto* peer = new Peer;
  peer->owner = self;
  uv_tcp_init(listener->loop, &peer->tcp);
  peer->tcp.data = peer;
  uv_accept(listener, peer->stream());
  self->peers_.push_back(peer);
  ++self->accepted_;
  uv_read_start(
      peer->stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buf) {
        auto* reader = static_cast<Peer*>(handle->data);
        *buf = uv_buf_init(reader->buffer, sizeof reader->buffer);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
        if (count != 0) {
          static_cast<Peer*>(stream->data)->on_read(count);
        }
      });
}

}  // namespace zerogate::testing
