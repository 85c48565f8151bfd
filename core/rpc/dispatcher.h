// Every request of a worker passes here, from the listeners to the services.
#pragma once

#include <cstdint>

#include "core/rpc/call_table.h"
#include "core/rpc/rate_limiter.h"
#include "core/rpc/router.h"

namespace zerogate {

/// A request as a listener has read it, with the way back.
struct IncomingRequest {
  ReturnPath path;
  /// Views, valid during the call they are passed to. dispatch() adds what it finds of the
  /// function.
  mutable Request request;
  uint64_t received_ns = 0;  ///< when its bytes were found: see EventLoop::began_ns()
};

/// Finds the route, refuses requests that no service should see, and hands the others to their
/// service. Loop thread only.
class Dispatcher {
 public:
  /// `limits` may be null; see RateLimiter.
  explicit Dispatcher(CallTable& calls, RateLimits* limits = nullptr)
      : calls_(calls), limiter_(limits) {}
  Dispatcher(Router& router, CallTable& calls, RateLimits* limits = nullptr)
      : router_(&router), calls_(calls), limiter_(limits) {}

  /// From the next request on this router is used, and the previous one may be destroyed. One must
  /// be set before the first request.
  void set_router(Router& router) { router_ = &router; }

  void dispatch(const IncomingRequest& incoming);

  /// True when the function's service takes an argument that is not MessagePack.
  bool takes_any_bytes(ByteView function) const;

  /// Answers with an error instead, counted under the function's label when it is known.
  void refuse(const IncomingRequest& incoming, Outcome outcome, wire::ErrorKey key,
              ByteView message);

  /// From now on every new request is answered with `unavailable`; those under way go on.
  void drain() { draining_ = guarded_ = true; }
  bool draining() const { return draining_; }

  /// Takes the rate limits over that are in force; at a turn's begin.
  void refresh_limits() { guarded_ = limiter_.refresh() || draining_; }
  /// Another function may have this label from now on.
  void forget(FunctionLabel label) { limiter_.forget(label); }

  /// Calls for unknown functions that get a line in the log, at level debug, in ten seconds; the
  /// next line says how many were left out.
  static constexpr uint32_t kUnknownLines = 5;

 private:
  [[gnu::noinline]] void refuse_unknown(const IncomingRequest& incoming);
  void tell_unknown(const IncomingRequest& incoming);
  /// False when it has been refused.
  [[gnu::cold, gnu::noinline]] bool may_pass(const IncomingRequest& incoming);

  Router* router_ = nullptr;
  CallTable& calls_;
  bool guarded_ = false;  ///< not every call may pass: it drains, or there are rate limits
  bool draining_ = false;
  RateLimiter limiter_;
  uint64_t lines_since_ns_ = 0;
  uint32_t lines_ = 0;     ///< since then
  uint64_t left_out_ = 0;  ///< calls, since the last line
};

}  // namespace zerogate
