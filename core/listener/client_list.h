// What the operator sees of the clients of a worker's ports: who they are, and how busy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/metrics/function_labels.h"
#include "core/wire/protocol.h"

namespace zerogate {

/// What one client has asked for so far. Its listener owns it and notes each call, which costs
/// three stores; the rest is worked out when a list is made. Loop thread only.
class ClientActivity {
 public:
  /// Rates are over at least this time: of a shorter one they would be chance.
  static constexpr uint64_t kWindowMs = 1'000;

  void begin(uint64_t now_ms) { *this = ClientActivity(now_ms); }
  void note(Wire wire, FunctionLabel function) {
    ++calls_;
    function_ = function;
    wire_ = wire;
  }

  ClientActivity() = default;
  uint64_t calls() const { return calls_; }
  Wire wire() const { return wire_; }                   ///< of the last call
  FunctionLabel function() const { return function_; }  ///< of the last call
  uint64_t since_ms() const { return since_ms_; }
  /// Calls per second between the last two times that this was asked, kWindowMs or more apart.
  double rate(uint64_t now_ms);

 private:
  explicit ClientActivity(uint64_t now_ms) : since_ms_(now_ms), looked_ms_(now_ms) {}

  uint64_t calls_ = 0;
  FunctionLabel function_ = FunctionLabels::other();
  Wire wire_ = Wire::t3;
  uint64_t since_ms_ = 0;
  uint64_t looked_ms_ = 0;     ///< when the rate was worked out
  uint64_t looked_calls_ = 0;  ///< calls then
  double rate_ = 0;
};

struct ClientInfo {
  double rate = 0;            ///< calls per second: see ClientActivity
  uint64_t unsent_bytes = 0;  ///< of replies that wait for the client to read
  uint64_t calls = 0;
  std::string peer;  ///< its address, as the log tells it
  Protocol protocol = Protocol::tcp;
  Wire wire = Wire::t3;                           ///< of the last call, if there was one
  std::string identity;                           ///< CURVE: the peer's bytes, as they are
  FunctionLabel label = FunctionLabels::other();  ///< of the last call, if there was one
  std::string function;                           ///< its name
  uint32_t in_flight = 0;                         ///< calls under way
  uint64_t age_ms = 0;  ///< since it connected; CURVE: since it first spoke
  /// CURVE, where the end of a connection is not told whose it was: since it was last sent bytes.
  std::optional<uint64_t> quiet_ms;
};

/// The busiest first.
struct ClientList {
  /// Rows of a list: more is no answer to "who is it", and each costs a system call in the loop.
  static constexpr size_t kMost = 200;

  std::vector<ClientInfo> clients;
  uint64_t left_out = 0;        ///< clients that were less busy than the last one here
  uint64_t silent_workers = 0;  ///< whose clients are missing: their loops did not come round
};

/// Keeps the ClientList::kMost busiest of the entries, in their order: by calls per
/// second, then by bytes that wait, then by calls. The others are counted.
template <class Entry>
void keep_busiest(std::vector<Entry>& entries, uint64_t& left_out) {
  const auto busier = [](const Entry& a, const Entry& b) {
    if (a.rate != b.rate) {
      return a.rate > b.rate;
    }
    return a.unsent_bytes != b.unsent_bytes ? a.unsent_bytes > b.unsent_bytes : a.calls > b.calls;
  };
  const size_t kept = std::min(entries.size(), ClientList::kMost);
  std::partial_sort(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(kept), entries.end(),
                    busier);
  left_out += entries.size() - kept;
  entries.erase(entries.begin() + static_cast<ptrdiff_t>(kept), entries.end());
}

/// A client of which only what orders it is known.
template <class Key>
struct ClientRank {
  double rate = 0;
  uint64_t unsent_bytes = 0;
  uint64_t calls = 0;
  Key key;
};

}  // namespace zerogate
