#include "core/io/dns_lookup.h"

#include <netinet/in.h>

#include <cassert>
#include <utility>

namespace zerogate {

DnsLookup::DnsLookup(uv_loop_t* loop, std::shared_ptr<NameService> service, Done done)
    : service_(std::move(service)), done_(std::move(done)) {
  const auto init = [](uv_loop_t* on, uv_async_t* handle) {
    uv_async_init(on, handle,
                  [](uv_async_t* async) { static_cast<DnsLookup*>(async->data)->on_signal(); });
  };
  signal_ = make_uv<uv_async_t>(loop, init, this);
  uv_unref(reinterpret_cast<uv_handle_t*>(signal_.get()));
}

DnsLookup::~DnsLookup() {
  if (running_) {
    service_->forget(*this);
  }
}

void DnsLookup::start(const std::string& host, uint64_t max_age_ms) {
  assert(!running_);
  running_ = true;
  uv_ref(reinterpret_cast<uv_handle_t*>(signal_.get()));
  service_->ask(host, max_age_ms, *this);
}

void DnsLookup::on_answer(NameService::Answer answer) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
  uv_async_send(signal_.get());
}

void DnsLookup::on_signal() {
  NameService::Answer answer;
  {
    const std::lock_guard lock(mutex_);
    answer.swap(answer_);
  }
  if (answer == nullptr) {
    return;
  }
  running_ = false;
  uv_unref(reinterpret_cast<uv_handle_t*>(signal_.get()));
  done_(*answer);
}

bool DnsLookup::is_address(const std::string& host) {
  char buffer[sizeof(in6_addr)];
  return uv_inet_pton(AF_INET, host.c_str(), buffer) == 0 ||
         uv_inet_pton(AF_INET6, host.c_str(), buffer) == 0;
}

}  // namespace zerogate
