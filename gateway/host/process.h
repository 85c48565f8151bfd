// Prepares a long-running process: standard descriptors and signals. Called first in main. Main
// thread only.
#pragma once

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <thread>

namespace zerogate {

/// Opens /dev/null in the place of each of the descriptors 0 to 2 that is closed: libuv's own
/// would take their numbers, get the log's lines, and abort the process when they are closed.
void open_standard_descriptors();

/// What cannot be written is an error code from here on, and no signal that kills: to a peer, or a
/// reader of stderr, that has gone (SIGPIPE); to a log's file that has its most (ulimit -f,
/// SIGXFSZ).
void expect_write_errors();

/// Signals that kill a process that has no handler for them, and that are meant otherwise here.
inline constexpr std::initializer_list<int> kHarmlessSignals = {SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};
/// Those that end the gateway.
inline constexpr std::initializer_list<int> kEndingSignals = {SIGTERM, SIGINT, SIGQUIT};

/// Keeps signals waiting for the calling thread, and for threads that it starts meanwhile, until
/// release(). A handler that changes while no thread takes its signal leaves no gap in which the
/// signal would kill.
class HeldSignals {
 public:
  explicit HeldSignals(std::initializer_list<std::initializer_list<int>> sets);
  ~HeldSignals() { release(); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  void release();

 private:
  sigset_t before_;
};

/// A start waits for names, files and sockets of others, for as long as these like, and no handler
/// may do what an end in order takes. So a thread of its own waits for SIGTERM, SIGINT and SIGQUIT.
/// The main thread has kPatience to take note of one; then the process ends with status 0, wherever
/// the main thread is. The file of a Unix socket may stay behind then; the next start replaces it.
///
/// Made and destroyed on the main thread, while a HeldSignals holds these signals; made before any
/// thread that does not hold them.
class StartSignals {
 public:
  /// A start that nothing holds up takes some milliseconds.
  static constexpr std::chrono::milliseconds kPatience{300};
  /// Then the process ends in the midst of them: stderr may be a full pipe that is not read.
  static constexpr std::chrono::milliseconds kLongestWords{400};
  static constexpr unsigned kThreads = 1;      ///< that are there from the begin
  static constexpr unsigned kMostThreads = 2;  ///< one says the last words

  /// `last_words` are said before the process is ended, on a thread of their own. Without a thread
  /// to be had the signals wait for the end of the start.
  explicit StartSignals(std::function<void(int signal)> last_words);
  /// When the start has failed (there was no end()) or a signal has ended it, the process ends by
  /// itself: signals are ignored from here on, so that none changes its status.
  ~StartSignals();
  StartSignals(const StartSignals&) = delete;
  StartSignals& operator=(const StartSignals&) = delete;

  /// False when no thread could be had.
  bool watches() const { return thread_.joinable(); }
  /// The start is over. Returns the signal that asked for an end meanwhile. Nothing: from here on
  /// signals go to the handlers that the process has.
  std::optional<int> end();

 private:
  void run();
  /// Holds the mutex for good.
  [[noreturn]] void end_process(int number) const;

  const std::function<void(int)> last_words_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable over_changed_;
  bool over_ = false;
  std::optional<int> asked_;
  std::thread thread_;  ///< last: it uses the rest
};

}  // namespace zerogate
