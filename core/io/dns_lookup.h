// Turns a host name into addresses without blocking the loop.
#pragma once

#include <uv.h>

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace zerogate {

/// Runs one getaddrinfo at a time in libuv's thread pool. hiredis 0.14.1 would call getaddrinfo
/// inside redisAsyncConnect and block the whole loop. Owned by one connection, which may be
/// destroyed while a lookup runs: its answer is then dropped. Loop thread only.
class DnsLookup {
 public:
  /// Numeric addresses in the order in which to try them (never empty), or why there are none.
  using Addresses = Result<std::vector<std::string>>;
  using Done = std::function<void(Addresses)>;

  /// `done` is called once per start() that succeeded, later on the loop.
  DnsLookup(uv_loop_t* loop, Done done) : loop_(loop), done_(std::move(done)) {}
  ~DnsLookup();
  DnsLookup(const DnsLookup&) = delete;
  DnsLookup& operator=(const DnsLookup&) = delete;

  /// A running lookup cannot be stopped. An owner that no longer waits for it should not start
  /// another, but take its answer when it comes: so a dead name server blocks one thread of the
  /// pool and not all.
  bool running() const { return request_ != nullptr; }

  /// Only when none is running.
  Status start(const std::string& host);

  /// True for "127.0.0.1" or "::1", which need no lookup.
  static bool is_address(const std::string& host);

 private:
  struct Request;
  static void on_done(uv_getaddrinfo_t* handle, int status, addrinfo* found);

  uv_loop_t* loop_;
  Done done_;
  Request* request_ = nullptr;  // owned by libuv until its callback, which deletes it
};

}  // namespace zerogate
