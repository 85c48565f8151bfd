// Structured log lines: an event and its fields, as logfmt or JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/append_format.h"

namespace zerogate::log {

enum class Level { debug, info, warn, error, off };
enum class Format { logfmt, json };

/// One key and its value. A Field only points at the value, which write() formats when the line's
/// level is on: it must not outlive the value.
class Field {
 public:
  template <class T>
  Field(std::string_view key, const T& value)
      : key_(key), value_(std::addressof(value)), bare_(kBare<T>), append_(&append_as<T>) {}

  std::string_view key() const { return key_; }
  /// The value as text. Throws what fmt throws.
  void append_to(std::string& text) const { append_(text, value_); }
  /// True for numbers and bools: JSON shows them without quotes.
  bool bare() const { return bare_; }

 private:
  template <class T>
  static constexpr bool kBare = std::is_arithmetic_v<T> && !std::is_same_v<T, char>;
  template <class T>
  static void append_as(std::string& text, const void* value) {
    append_format(text, "{}", *static_cast<const T*>(value));
  }

  std::string_view key_;
  const void* value_;
  bool bare_;
  void (*append_)(std::string&, const void*);
};
using Fields = std::initializer_list<Field>;
using FieldSpan = std::span<const Field>;

/// A field's value and an event are cut after this many bytes and then end in "...": peers can
/// choose part of them.
inline constexpr size_t kMaxValueBytes = 4096;

/// Gets each whole line without its newline, one at a time, on the thread that logs. It must not
/// log itself.
using Sink = std::function<void(std::string_view line)>;

/// Sends the process' log to stderr, or to `sink` when there is one, in this format and from this
/// level on. Before the first call: logfmt on stderr from info on. Any thread, any time.
void configure(Level level, Format format, Sink sink = {});
void set_level(Level level);
void set_format(Format format);
/// Each line begins with its level as syslog's number, "<3>" and the like: what systemd's journal
/// takes for the line's priority, and takes off. Any time.
void tell_priorities(bool on);
Level level();
std::string_view name_of(Level level);
/// The level with this name: debug, info, warn, error or off.
std::optional<Level> level_named(std::string_view name);

/// Lines that may wait for the background thread, and how many of them bulk lines leave free.
inline constexpr size_t kQueueLines = 4096;
inline constexpr size_t kReservedLines = 1024;

/// From this call on a background thread writes the lines. A thread that logs never waits, even
/// when stderr is a pipe without a reader: when kQueueLines wait, the oldest is dropped and
/// counted. Call it once, before the threads that log are started, and not together with a sink.
void write_in_background();
/// Ends the background thread: waits until every line has been written, for at most `patience`. If
/// that was enough, later lines are written at once; if not, they are lost.
void end_background(std::chrono::milliseconds patience);
/// Lines that were never written, or not to their end: the queue was full, stderr could not take
/// them (while a background thread writes), or count_dropped() was told of them.
uint64_t dropped();
void count_dropped();

/// Writes one line: time, level, `event` and the fields. Any thread. Never throws: a line that
/// cannot be written is lost. Never per call on the hot path: state changes, start, stop and
/// refusals only.
void write(Level level, std::string_view event, FieldSpan fields) noexcept;
inline void write(Level level, std::string_view event, Fields fields) noexcept {
  write(level, event, FieldSpan(fields.begin(), fields.size()));
}
/// The same for lines that may come with each call. They are dropped already when only
/// kReservedLines are free, so that they never push out a line of the other kind.
void write_bulk(Level level, std::string_view event, FieldSpan fields) noexcept;

inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace zerogate::log
