#include "core/bridge/bridge.h"

#include <algorithm>
#include <utility>

#include "core/io/frame_reader.h"

namespace zerogate {

Bridge::Bridge(EventLoop& loop, WorkerMetrics& metrics, BridgeOptions options)
    : loop_(loop),
      metrics_(metrics),
      zmq_context_(zmq_ctx_new()),
      maker_(loop, zmq_context_.get()),
      lookups_(loop.uv(), std::move(options.names)),
      read_buffer_(new char[FrameReader::kSharedBytes]),
      turns_(loop.uv()),
      memory_(options.memory != nullptr ? *options.memory : own_memory_),
      requests_{.limit = options.request_memory},
      context_{.loop = loop.uv(),
               .timers = &loop.timers(),
               .maker = &maker_,
               .lookups = &lookups_,
               .tls_loop = options.tls_loop,
               .tls_observer = &metrics.of(TlsSide::backend),
               .connection = {.max_message = options.max_message,
                              .read_buffer = read_buffer_.get(),
                              .turns = &turns_,
                              .memory = &memory_,
                              .in = &in_,
                              .identity = std::move(options.identity)},
               .requests = &requests_,
               .learn = std::move(options.learn),
               .states = std::move(options.states),
               .by_hand = std::move(options.by_hand),
               .on_dirty = [this](Backend& backend) { dirty_.push_back(&backend); },
               .seed = uv_hrtime()} {
  const int most = zmq_ctx_get(zmq_context_.get(), ZMQ_SOCKET_LIMIT);
  zmq_ctx_set(zmq_context_.get(), ZMQ_MAX_SOCKETS, std::min(most, kMaxZmqSockets));
  loop_.add(*this);
}

Bridge::~Bridge() { loop_.remove(*this); }

std::shared_ptr<Backend> Bridge::get(const BackendOptions& options) {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return !entry.backend->needs_new(options); });
  if (found != entries_.end()) {
    found->backend->set_options(options);
    return found->backend;
  }
  Entry entry;
  entry.metrics = std::make_shared<BackendMetrics>(options.name);
  entry.backend = std::make_shared<Backend>(context_, options, entry.metrics);
  metrics_.backends.add(entry.metrics);
  entries_.push_back(entry);
  return entry.backend;
}

void Bridge::forget(FunctionLabel label) {
  for (const Entry& entry : entries_) {
    entry.backend->forget(label);
  }
}

void Bridge::look_at_orders() {
  for (const Entry& entry : entries_) {
    entry.backend->look_at_orders();
  }
}

void Bridge::clear(std::string_view backend, std::string_view endpoint) {
  for (const Entry& entry : entries_) {
    if (entry.backend->options().name == backend) {
      entry.backend->clear(endpoint);
    }
  }
}

void Bridge::fail_all() {
  for (const Entry& entry : entries_) {
    entry.backend->fail_all();
  }
}

void Bridge::end_of_turn() {
  // A connection that breaks while it is written may make another one dirty.
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (Backend* backend : flushing_) {
      backend->flush();
    }
    flushing_.clear();
  }
  memory_.set(MemoryUse::forwarded, 2 * requests_.held);
  memory_.replace(MemoryUse::backend_replies, unclaimed_, in_.unclaimed);
  std::erase_if(entries_, [this](const Entry& entry) {
    if (entry.backend.use_count() > 1 || !entry.backend->idle()) {
      return false;
    }
    metrics_.backends.remove(entry.metrics);
    return true;
  });
}

}  // namespace zerogate
