#include "core/base/log.h"

#include <fmt/chrono.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace zerogate::log {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warn", "error", "off"};

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

std::shared_ptr<spdlog::logger> make_logger(Sink sink) {
  spdlog::sink_ptr target;
  if (sink) {
    target = std::make_shared<CallbackSink>(std::move(sink));
  } else {
    target = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    target->set_pattern("%v");  // the line is complete already
  }
  auto logger = std::make_shared<spdlog::logger>("zerogate", std::move(target));
  logger->set_level(spdlog::level::trace);  // write() has looked already
  logger->flush_on(spdlog::level::trace);
  logger->set_error_handler([](const std::string&) {});  // there is nowhere left to tell it
  return logger;
}

/// The process has one log as it has one stderr; this is its state.
struct State {
  std::atomic<Level> level{Level::info};
  std::mutex mutex;  // guards the rest
  Format format = Format::logfmt;
  std::shared_ptr<spdlog::logger> logger = make_logger({});
};

State& state() {
  // Never destroyed: threads of libraries may still log while statics are torn down.
  static State& state = *new State;
  return state;
}

std::string cut(std::string_view text) {
  if (text.size() <= kMaxValueBytes) return std::string(text);
  return std::string(text.substr(0, kMaxValueBytes)) + "...";
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
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
  return !text.empty();
}

std::string logfmt_value(std::string_view text) {
  return is_plain(text) ? std::string(text) : json_string(text);
}

std::string json_value(std::string_view text, bool bare) {
  // "nan", "inf" and their kin are no JSON; no number and neither bool has an "n" in it.
  return bare && text.find('n') == text.npos ? std::string(text) : json_string(text);
}

std::string value_of(const Field& field) {
  std::string text;
  try {
    field.append_to(text);
  } catch (const std::exception& e) {  // a null const char*, or the formatter of a type
    text = fmt::format("({})", e.what());
  }
  return cut(text);
}

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<time_t>(ms / 1000)),
                     ms % 1000);
}

std::string logfmt_line(Level level, std::string_view event, Fields fields) {
  std::string line = fmt::format("ts={} level={} event={}", timestamp(),
                                 kLevelNames[static_cast<size_t>(level)], logfmt_value(cut(event)));
  for (const Field& field : fields)
    fmt::format_to(std::back_inserter(line), " {}={}", field.key(), logfmt_value(value_of(field)));
  return line;
}

std::string json_line(Level level, std::string_view event, Fields fields) {
  std::string line = fmt::format(R"({{"ts":"{}","level":"{}","event":{})", timestamp(),
                                 kLevelNames[static_cast<size_t>(level)], json_string(cut(event)));
  for (const Field& field : fields)
    fmt::format_to(std::back_inserter(line), ",{}:{}", json_string(field.key()),
                   json_value(value_of(field), field.bare()));
  return line += '}';
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

Level level() { return state().level; }

void write(Level level, std::string_view event, Fields fields) noexcept try {
  State& log = state();
  if (level == Level::off || level < log.level.load(std::memory_order_relaxed)) return;
  std::shared_ptr<spdlog::logger> logger;
  Format format;
  {
    const std::lock_guard lock(log.mutex);
    logger = log.logger;
    format = log.format;
  }
  const std::string line =
      format == Format::json ? json_line(level, event, fields) : logfmt_line(level, event, fields);
  logger->log(spdlog_level(level), spdlog::string_view_t(line));
} catch (...) {
  // Out of memory, or a sink that throws: a lost log line must not end the process.
}

}  // namespace zerogate::log
