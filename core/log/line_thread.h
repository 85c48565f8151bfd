// Writes the lines of the log to stderr, on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/ring_buffer.h"

namespace zerogate::log {

/// Writes a line and its end to stderr. Not through stdio: a thread that waits in fwrite holds
/// stderr's lock, on which exit() would wait with it. False when not all of it was written: a full
/// disk, EPIPE.
bool write_to_stderr(std::string line);

/// A bounded queue of lines and the thread that writes them. A thread that adds a line never waits
/// for a reader of stderr: when the queue is full, the oldest line is dropped and counted. Without
/// lines the thread sleeps until there is one (spdlog's wakes up every 10 s). Any thread.
class LineThread {
 public:
  /// The thread takes no signals: these are the main thread's.
  explicit LineThread(size_t max_lines);
  /// Writes what waits, however long that takes: see wait_until_written().
  ~LineThread();
  LineThread(const LineThread&) = delete;
  LineThread& operator=(const LineThread&) = delete;

  void add(std::string line);
  /// Lines that wait.
  size_t waiting() const;
  /// False when it has taken longer than `patience`.
  bool wait_until_written(std::chrono::milliseconds patience);
  /// Lines that were dropped, or not written to their end.
  uint64_t dropped() const;

 private:
  void run();

  const size_t max_lines_;
  mutable std::mutex mutex_;  ///< guards the rest
  std::condition_variable added_;
  std::condition_variable written_;
  RingBuffer<std::string> lines_;
  bool writing_ = false;
  bool ending_ = false;
  uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace zerogate::log
