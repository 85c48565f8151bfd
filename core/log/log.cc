#include "core/log/log.h"

#include <fmt/chrono.h>
#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

namespace zerogate::log {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warn", "error", "off"};
constexpr std::array<std::string_view, 5> kPriorities = {"<7>", "<6>", "<4>", "<3>", "<3>"};
constexpr size_t kUsualLineBytes = 256;

spdlog::level::level_enum spdlog_level(Level level) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err, spdlog::level::off};
  return kLevels[static_cast<size_t>(level)];
}

/// spdlog 1.10 has no callback sink of its own.
class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(Sink callback) : sink_(std::move(callback)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    sink_(std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

  Sink sink_;
};

/// The descriptor of stderr, and how many lines have gone there. Not through stdio as spdlog's own
/// sink: a thread that waits in fwrite holds stderr's lock, on which exit() would wait with it.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  std::atomic<uint64_t> written = 0;
  std::atomic<uint64_t> lost = 0;  ///< also those of which a part was written: a full disk, EPIPE

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    line_.assign(message.payload.data(), message.payload.size());
    line_ += '\n';
    for (std::string_view rest = line_; !rest.empty();) {
      const ssize_t size = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (size < 0 && errno == EINTR) {
        continue;
      }
      if (size < 0) {
        lost.fetch_add(1, std::memory_order_release);  // the metrics can still tell it
        return;
      }
      rest.remove_prefix(static_cast<size_t>(size));
    }
    written.fetch_add(1, std::memory_order_release);
  }
  void flush_() override {}

  std::string line_;  ///< reused: one thread writes
};

void set_up(spdlog::logger& logger) {
  logger.set_level(spdlog::level::trace);  // write() has looked already
  logger.flush_on(spdlog::level::trace);
  logger.set_error_handler([](const std::string&) {});  // there is nowhere left to tell it
}

std::shared_ptr<spdlog::logger> make_logger(Sink sink) {
  spdlog::sink_ptr target;
  if (sink) {
    target = std::make_shared<CallbackSink>(std::move(sink));
  } else {
    target = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    target->set_pattern("%v");  // the line is complete already
  }
  auto logger = std::make_shared<spdlog::logger>("zerogate", std::move(target));
  set_up(*logger);
  return logger;
}

/// The thread that writes, and its queue.
struct Background {
  Background()
      : sink(std::make_shared<DescriptorSink>()),
        pool(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1, block_signals)),
        logger(std::make_shared<spdlog::async_logger>(
            "zerogate", sink, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    set_up(*logger);
  }
  static void block_signals() {  // they are the main thread's to take
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
  }
  bool done() const { return sink->written.load(std::memory_order_acquire) + dropped() >= queued; }
  uint64_t dropped() const {
    return sink->lost.load(std::memory_order_acquire) + pool->overrun_counter();
  }

  std::shared_ptr<DescriptorSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<uint64_t> queued = 0;
};

/// The process has one log as it has one stderr; this is its state.
struct State {
  std::atomic<Level> level{Level::info};
  std::atomic<bool> priorities = false;
  std::atomic<uint64_t> dropped = 0;  // without those of a background that runs
  std::mutex mutex;                   // guards the rest
  Format format = Format::logfmt;
  std::shared_ptr<spdlog::logger> logger = make_logger({});
  std::shared_ptr<Background> background;  // null: lines are written at once
};

State& state() {
  // Never destroyed: threads of libraries may still log while statics are torn down.
  static State& state = *new State;
  return state;
}

std::shared_ptr<Background> background() {
  State& log = state();
  const std::lock_guard lock(log.mutex);
  return log.background;
}

/// As a JSON string: quotes, backslashes and control characters escaped, bytes that are not UTF-8
/// replaced by U+FFFD. DEL and the C1 controls, which JSON allows and terminals obey, too.
std::string json_string(std::string_view text) {
  using Json = nlohmann::json;
  const std::string dumped =
      Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(dumped.size());
  for (size_t i = 0; i < dumped.size(); ++i) {
    const auto byte = static_cast<unsigned char>(dumped[i]);
    const auto next = static_cast<unsigned char>(i + 1 < dumped.size() ? dumped[i + 1] : 0);
    if (byte == 0x7f) {
      safe += "\\u007f";
    } else if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {
      fmt::format_to(std::back_inserter(safe), "\\u{:04x}", next);
      ++i;
    } else {
      safe += dumped[i];
    }
  }
  return safe;
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
    fmt::format_to(std::back_inserter(line), "({})", e.what());
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
  fmt::format_to(std::back_inserter(line), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                 fmt::gmtime(static_cast<time_t>(ms / 1000)), ms % 1000);
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
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<Background> background;
  Format format;
  {
    const std::lock_guard lock(log.mutex);
    logger = log.logger;
    background = log.background;
    format = log.format;
  }
  if (bulk && background != nullptr &&
      background->pool->queue_size() >= kQueueLines - kReservedLines) {
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
    background->queued.fetch_add(1, std::memory_order_relaxed);
  }
  logger->log(spdlog_level(level), spdlog::string_view_t(line));
}

}  // namespace

void configure(Level level, Format format, Sink sink) {
  auto logger = make_logger(std::move(sink));
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.format = format;
  log.logger = std::move(logger);
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
  log.background = std::make_shared<Background>();
  log.logger = log.background->logger;
}

void end_background(std::chrono::milliseconds patience) {
  const auto background = zerogate::log::background();
  if (background == nullptr) {
    return;
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!background->done()) {
    // The pool's destructor would wait for its thread, which waits for whoever reads stderr.
    if (std::chrono::steady_clock::now() > deadline) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.dropped += background->dropped();
  log.background = nullptr;
  log.logger = make_logger({});
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
