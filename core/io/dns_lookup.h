// Turns a host name into addresses without blocking the loop.
#pragma once

#include <uv.h>

#include <memory>
#include <mutex>
#include <string>

#include "core/io/name_lookup.h"
#include "core/io/name_service.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

/// A loop's door to the NameService: brings the answer onto the loop's thread. Loop thread only.
class DnsLookup final : public NameLookup, private NameService::Asker {
 public:
  /// The loop runs until the look-up has ended or is destroyed.
  DnsLookup(uv_loop_t* loop, std::shared_ptr<NameService> service, Done done);
  ~DnsLookup() override;
  DnsLookup(const DnsLookup&) = delete;
  DnsLookup& operator=(const DnsLookup&) = delete;

  bool running() const override { return running_; }
  void start(const std::string& host, uint64_t max_age_ms) override;

  /// True for "127.0.0.1" or "::1", which need no lookup.
  static bool is_address(const std::string& host);

 private:
  void on_answer(NameService::Answer answer) override;
  void on_signal();

  const std::shared_ptr<NameService> service_;
  const Done done_;
  UvPtr<uv_async_t> signal_;
  bool running_ = false;
  std::mutex mutex_;
  NameService::Answer answer_;  ///< guarded; on its way to the loop
};

class DnsLookupMaker final : public NameLookupMaker {
 public:
  DnsLookupMaker(uv_loop_t* loop, std::shared_ptr<NameService> service)
      : loop_(loop), service_(std::move(service)) {}
  std::unique_ptr<NameLookup> make(NameLookup::Done done) override {
    return std::make_unique<DnsLookup>(loop_, service_, std::move(done));
  }

 private:
  uv_loop_t* const loop_;
  const std::shared_ptr<NameService> service_;
};

}  // namespace zerogate
