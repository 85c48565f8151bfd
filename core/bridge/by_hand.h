// What operators have ordered for single endpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace zerogate {

/// drain: no new calls; what is under way ends, then the connections are closed. disabled: the
/// connections are closed at once, and their calls fare as under a connection that is lost.
enum class HandState : uint8_t { ready, drain, disabled };

struct HandOrder {
  HandState state = HandState::ready;
  std::string reason;     ///< the operator's words; may be empty
  uint64_t since_ns = 0;  ///< monotonic
  bool operator==(const HandOrder&) const = default;
};

/// "disabled by hand: REASON", for errors and log lines; empty for `ready`.
std::string in_words(const HandOrder& order);

/// The orders that stand: one for all workers, for as long as the process lives. An order is for an
/// address of a backend, whichever TLS names are behind it, or for one of these names there, as in
/// "a.test@10.0.0.2:5559". So it outlives a reload, and an address that comes and goes. Any thread.
class ByHand {
 public:
  /// Each is typed by a person; this many are a script that has gone wrong.
  static constexpr size_t kMaxOrders = 1'024;
  static constexpr size_t kMaxReasonBytes = 200;  ///< it becomes part of errors and log lines

  struct Entry {
    std::string backend;
    std::string endpoint;
    HandOrder order;
  };

  /// `ready` takes the order back. One for an address takes the place of those for its names. An
  /// error when there are too many, when the reason is too long or no printable text, or when what
  /// is to be taken back for one name was ordered for its address.
  Status set(const std::string& backend, const std::string& endpoint, HandOrder order);
  /// What was ordered in these words: `ready` if nothing was.
  HandOrder find(const std::string& backend, const std::string& endpoint) const;
  /// What an endpoint of this name obeys: the order for it, or else that for its address.
  HandOrder standing_for(const std::string& backend, const std::string& endpoint) const;
  std::vector<Entry> list() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, HandOrder> orders_;
};

}  // namespace zerogate
