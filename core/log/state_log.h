// Logs when something that the gateway depends on goes away, and when it comes back.
#pragma once

#include <uv.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/uv_ptr.h"

namespace zerogate {

/// What is watched, and the words for it. Two with the same down_event and fields are the same.
struct WatchedState {
  /// How the workers' views become one: it is up when it is up for all workers, or for any.
  enum class When { up_for_all, up_for_any };

  std::string up_event;  ///< "redis up"
  std::string down_event;
  When when = When::up_for_any;
  std::vector<std::pair<std::string, std::string>> fields;  ///< {{"redis", "10.0.0.9:6379"}}
};

/// Writes one line for each change of state, once for all workers, never per call or attempt. A
/// state that changes often gets kBurst lines, then one every kRefillMs that says how many changes
/// came between. The last state is always logged in the end: a reporter that owes a line and goes
/// writes it. One for all workers; any thread.
class StateLog {
 public:
  static constexpr uint32_t kBurst = 6;
  static constexpr uint64_t kRefillMs = 10'000;

  /// Tests set how long a line waits when there were too many.
  explicit StateLog(uint64_t refill_ms = kRefillMs) : refill_ms_(refill_ms) {}
  StateLog(const StateLog&) = delete;
  StateLog& operator=(const StateLog&) = delete;

 private:
  friend class StateReporter;

  struct Entry {
    WatchedState watched;
    uint32_t reporters = 0;
    uint32_t up_for = 0;
    uint32_t down_for = 0;
    std::optional<bool> up;   ///< none: no reporter has said yet
    std::string reason;       ///< of the last view that was down
    uint32_t changes = 0;     ///< that no line has told
    uint32_t lines = kBurst;  ///< that may be written now
    uint64_t refilled_ms = 0;
    bool awaited = false;  ///< a reporter's timer will tell
  };

  Entry& join(const WatchedState& watched);
  void leave(Entry& thing, std::optional<bool> view, bool awaited);
  /// Milliseconds to wait before tell() when it could not be told at once, else 0.
  uint64_t update(Entry& thing, std::optional<bool> before, bool up, std::string_view reason);
  void tell(Entry& thing);
  /// Makes one state of the views, whether one has come, changed or gone. False: it has changed,
  /// and its line has to wait.
  bool judge(Entry& thing, uint64_t now_ms) const;
  void write(Entry& thing) const;
  void refill(Entry& thing, uint64_t now_ms) const;

  const uint64_t refill_ms_;
  std::mutex mutex_;
  std::map<std::string, Entry> things_;  ///< by down_event and fields
};

/// One worker's view of one watched state. Loop thread only. Its timer runs only while a line is
/// owed.
class StateReporter {
 public:
  StateReporter(uv_loop_t* loop, std::shared_ptr<StateLog> log, const WatchedState& watched);
  ~StateReporter();
  StateReporter(const StateReporter&) = delete;
  StateReporter& operator=(const StateReporter&) = delete;

  /// `reason` is told with a change to down.
  void set(bool up, std::string_view reason = {});

 private:
  void on_timer();

  const std::shared_ptr<StateLog> log_;
  StateLog::Entry& thing_;
  std::optional<bool> view_;
  bool awaited_ = false;
  UvPtr<uv_timer_t> timer_;
};

}  // namespace zerogate
