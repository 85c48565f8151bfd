#include "core/log/log.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/append_format.h"
#include "core/base/printable.h"
#include "core/log/line_thread.h"

namespace zerogate::log {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warn", "error", "off"};
constexpr std::array<std::string_view, 5> kPriorities = {"<7>", "<6>", "<4>", "<3>", "<3>"};
constexpr size_t kUsualLineBytes = 256;

/// Writes each line before it goes on.
class Direct {
 public:
  /// Without a sink to stderr.
  explicit Direct(Sink sink) : sink_(std::move(sink)) {}
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    if (sink_) {
      sink_(line);
    } else {
      write_to_stderr(std::move(line));
    }
  }

 private:
  std::mutex mutex_;  ///< one line at a time
  const Sink sink_;
};

/// The process has one log as it has one stderr; this is its state.
struct State {
  std::atomic<Level> level{Level::info};
  std::atomic<bool> priorities = false;
  std::atomic<uint64_t> dropped = 0;  // without those of a background thread that runs
  std::mutex mutex;                   // guards the rest
  Format format = Format::logfmt;
  std::shared_ptr<Direct> direct = std::make_shared<Direct>(Sink());
  std::shared_ptr<LineThread> background;  // null: lines are written at once
};

State& state() {
  // Never destroyed: threads of libraries may still log while statics are torn down.
  static State& state = *new State;
  return state;
}

std::shared_ptr<LineThread> background() {
  State& log = state();
  const std::lock_guard lock(log.mutex);
  return log.background;
}

/// As a JSON string: quotes, backslashes and all that does not print escaped, bytes that are not
/// UTF-8 replaced by U+FFFD.
std::string json_string(std::string_view text) {
  return dump_printable(nlohmann::json(std::string(text)));
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') {
      return false;
    }
  }
  return !text.empty();
}

/// Cuts what was appended to `text` since it had this size.
void cut(std::string& text, size_t from) {
  if (text.size() - from <= kMaxValueBytes) {
    return;
  }
  text.resize(from + kMaxValueBytes);
  text += "...";
}

/// The value as it is at the end of `line`, from `begin` on, so that nothing is copied for the
/// plain ones, which most are.
void append_value(std::string& line, const Field& field) {
  const size_t begin = line.size();
  try {
    field.append_to(line);
  } catch (const std::exception& e) {  // a null const char*, or the formatter of a type
    line.resize(begin);
    append_format(line, "({})", e.what());
  }
  cut(line, begin);
}

void quote_from(std::string& line, size_t begin) {
  const std::string quoted = json_string(std::string_view(line).substr(begin));
  line.resize(begin);
  line += quoted;
}

void append_event(std::string& line, std::string_view event, bool quoted) {
  const size_t begin = line.size();
  line += event;
  cut(line, begin);
  if (quoted || !is_plain(std::string_view(line).substr(begin))) {
    quote_from(line, begin);
  }
}

void append_timestamp(std::string& line) {
  const auto now = std::chrono::system_clock::now();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  append_format(line, "{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<time_t>(ms / 1000)),
                ms % 1000);
}

void logfmt_line(std::string& line, Level level, std::string_view event, FieldSpan fields) {
  line += "ts=";
  append_timestamp(line);
  line += " level=";
  line += name_of(level);
  line += " event=";
  append_event(line, event, false);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key();
    line += '=';
    const size_t begin = line.size();
    append_value(line, field);
    if (!is_plain(std::string_view(line).substr(begin))) {
      quote_from(line, begin);
    }
  }
}

void json_line(std::string& line, Level level, std::string_view event, FieldSpan fields) {
  line += R"({"ts":")";
  append_timestamp(line);
  line += R"(","level":")";
  line += name_of(level);
  line += R"(","event":)";
  append_event(line, event, true);
  for (const Field& field : fields) {
    line += ',';
    line += json_string(field.key());
    line += ':';
    const size_t begin = line.size();
    append_value(line, field);
    // "nan", "inf" and their kin are no JSON; no number and neither bool has an "n" in it.
    if (!field.bare() || line.find('n', begin) != line.npos) {
      quote_from(line, begin);
    }
  }
  line += '}';
}

void write_line(Level level, std::string_view event, FieldSpan fields, bool bulk) {
  State& log = state();
  if (level == Level::off || level < log.level.load(std::memory_order_relaxed)) {
    return;
  }
  std::shared_ptr<Direct> direct;
  std::shared_ptr<LineThread> background;
  Format format;
  {
    const std::lock_guard lock(log.mutex);
    direct = log.direct;
    background = log.background;
    format = log.format;
  }
  if (bulk && background != nullptr && background->waiting() >= kQueueLines - kReservedLines) {
    return count_dropped();
  }
  std::string line;
  line.reserve(kUsualLineBytes);
  if (log.priorities.load(std::memory_order_relaxed)) {
    line += kPriorities[static_cast<size_t>(level)];
  }
  if (format == Format::json) {
    json_line(line, level, event, fields);
  } else {
    logfmt_line(line, level, event, fields);
  }
  if (background != nullptr) {
    background->add(std::move(line));
  } else {
    direct->add(std::move(line));
  }
}

}  // namespace

void configure(Level level, Format format, Sink sink) {
  auto direct = std::make_shared<Direct>(std::move(sink));
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.format = format;
  log.direct = std::move(direct);
  log.level = level;
}

void set_level(Level level) { state().level = level; }

void set_format(Format format) {
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.format = format;
}

void tell_priorities(bool on) { state().priorities = on; }

Level level() { return state().level.load(std::memory_order_relaxed); }

std::string_view name_of(Level level) { return kLevelNames[static_cast<size_t>(level)]; }

std::optional<Level> level_named(std::string_view name) {
  const auto found = std::find(kLevelNames.begin(), kLevelNames.end(), name);
  if (found == kLevelNames.end()) {
    return std::nullopt;
  }
  return static_cast<Level>(found - kLevelNames.begin());
}

void write_in_background() {
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.background = std::make_shared<LineThread>(kQueueLines);
}

void end_background(std::chrono::milliseconds patience) {
  std::shared_ptr<LineThread> ended = background();
  // Its destructor would wait for its thread, which waits for the reader of stderr.
  if (ended == nullptr || !ended->wait_until_written(patience)) {
    return;
  }
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.dropped += ended->dropped();
  log.background = nullptr;
}

uint64_t dropped() {
  const auto running = background();
  return state().dropped + (running != nullptr ? running->dropped() : 0);
}

void count_dropped() { state().dropped.fetch_add(1, std::memory_order_relaxed); }

void write(Level level, std::string_view event, FieldSpan fields) noexcept try {
  write_line(level, event, fields, false);
} catch (...) {
  // Out of memory, or a sink that throws: a lost log line must not end the process.
}

void write_bulk(Level level, std::string_view event, FieldSpan fields) noexcept try {
  write_line(level, event, fields, true);
} catch (...) {
  // As above.
}

}  // namespace zerogate::log
