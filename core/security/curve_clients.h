// Whose CURVE keys may call.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace zerogate {

/// Names by public keys, as the files say them.
struct CurveClientKeys {
  std::string folder;  ///< where the files are; "any": every key is welcome; empty: none was named
  std::map<std::string, std::string, std::less<>> names = {};

  bool any() const { return folder == "any"; }
  bool operator==(const CurveClientKeys&) const = default;
};

/// One for all workers, which it outlives; a reload changes it while they run. Asked for each
/// newcomer, and for each peer once after a change. Any thread.
class CurveClients {
 public:
  void set(CurveClientKeys keys);
  /// Changes with each set().
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  /// Under which name this key may call: the file's, or the key itself where any may. Nothing: it
  /// may not.
  std::optional<std::string> name_of(std::string_view key) const;

 private:
  std::atomic<uint64_t> version_ = 1;
  mutable std::mutex mutex_;
  CurveClientKeys keys_;  ///< guarded
};

}  // namespace zerogate
