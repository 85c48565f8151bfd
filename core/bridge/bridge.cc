#include "core/bridge/bridge.h"

#include <algorithm>
#include <utility>

#include "core/io/frame_reader.h"

namespace zerogate {

Bridge::Bridge(EventLoop& loop, WorkerMetrics& metrics, BridgeOptions options)
    : loop_(loop),
      metrics_(metrics),
      zmq_context_(zmq_ctx_new()),
      read_buffer_(new char[FrameReader::kSharedBytes]),
      context_{&loop,

               zmq_context_.get(),
               read_buffer_.get(),
               options.max_message,
               options.request_memory,
               &request_bytes_,
               std::move(options.learn),
               std::move(options.identity),
               std::move(options.states)} {
  const int most = zmq_ctx_get(zmq_context_.get(), ZMQ_SOCKET_LIMIT);
  zmq_ctx_set(zmq_context_.get(), ZMQ_MAX_SOCKETS, std::min(most, kMaxZmqSockets));
  loop_.add(*this);
}

Bridge::~Bridge() { loop_.remove(*this); }

std::shared_ptr<Backend> Bridge::get(const BackendOptions& options) {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.backend->options() == options; });
  if (found != entries_.end()) {
    return found->backend;
  }
  Entry entry;
  entry.metrics = std::make_shared<BackendMetrics>(options.name);
  entry.metrics->queue_limit.set(options.queue);
  entry.backend = std::make_shared<Backend>(context_, options, entry.metrics);
  metrics_.backends.add(entry.metrics);
  entries_.push_back(entry);
  return entry.backend;
}

void Bridge::fail_all() {
  for (const Entry& entry : entries_) {
    entry.backend->fail_all();
  }
}

void Bridge::end_of_turn() {
  bool again = true;
  while (again) {
    again = false;
    for (const Entry& entry : entries_) {
      again |= entry.backend->flush();
    }
  }
  std::erase_if(entries_, [this](const Entry& entry) {
    if (entry.backend.use_count() > 1 || !entry.backend->idle()) {
      return false;
    }
    metrics_.backends.remove(entry.metrics);
    return true;
  });
}

}  // namespace zerogate
