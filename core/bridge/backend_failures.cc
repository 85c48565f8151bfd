// What becomes of a call whose connection broke, or whose time is over.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/base/glob.h"
#include "core/bridge/backend.h"

namespace zerogate {

void Backend::on_lost(Endpoint& endpoint, ForwardedCall& call, Loss loss) {
  endpoint.metrics().requests[index_of(Outcome::unavailable)].add();
  if (loss == Loss::unbegun && !call.sent_again) {
    call.sent_again = true;
    metrics_->resent.add();
    return route(call);
  }
  if (may_retry(call, loss)) {
    retries_.take();
    call.retried = true;
    metrics_->retries.add();
    return route(call);
  }
  fail(call, Outcome::unavailable,
       fmt::format("backend '{}' failed under the call: {} ({})", options_.name, endpoint.reason(),
                   endpoint.options().address.display()));
}

bool Backend::may_retry(const ForwardedCall& call, Loss loss) {
  if (call.retried || !retries_.has_room()) {
    return false;
  }
  if (loss != Loss::in_doubt) {
    return true;
  }
  return endpoints_.can_spare(*call.endpoint) &&
         std::ranges::any_of(options_.idempotent, [&](const std::string& glob) {
           return glob_match(glob, call.function());
         });
}

void Backend::on_deadline(ForwardedCall& call) {
  if (call.queue != nullptr) {
    leave_queue(call);
  } else {
    call.endpoint->metrics().requests[index_of(Outcome::timeout)].add();
    endpoints_.give_up(call);
  }
  fail(call, Outcome::timeout,
       fmt::format("backend '{}' did not answer within {} ms ({})", options_.name, call.timeout_ms,
                   timeout_key(call)));
}

/// What to change for more time.
std::string Backend::timeout_key(const ForwardedCall& call) const {
  if (call.timeout_ms != options_.timeout_ms) {
    return "its route's timeout";
  }
  return options_.timeout_key.empty() ? fmt::format("backends.{}.timeout", options_.name)
                                      : options_.timeout_key;
}

}  // namespace zerogate
