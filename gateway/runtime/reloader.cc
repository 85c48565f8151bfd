#include "gateway/runtime/reloader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/fingerprint.h"
#include "core/base/quote.h"
#include "core/log/log.h"
#include "gateway/config/show_config.h"
#include "gateway/control/reload_rules.h"

namespace zerogate {
namespace {

constexpr std::chrono::milliseconds kPendingPoll{2};

std::variant<Config, ConfigErrors> load_safely(const decltype(ReloadParts::load)& load) try {
  return load();
} catch (const std::exception& failure) {
  return ConfigErrors{{fmt::format("the configuration cannot be loaded: {}", failure.what())}};
}

std::atomic<int> threads_that_read = 0;

}  // namespace

/// One reading of the configuration. Its thread holds on to it, so that a file that never comes
/// (from a dead NFS server) costs that thread only.
struct Reloader::Reading {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<std::variant<Config, ConfigErrors>> result;
};

Reloader::Reloader(const Config& running, ReloadParts parts)
    : parts_(std::move(parts)),
      info_(std::make_shared<ConfigInfo>([this] { return fingerprint(to_yaml(in_force())); })),
      certificates_(std::make_shared<Certificates>(running)),
      running_(running),
      before_(running) {
  auto& reloads = prometheus::BuildCounter()
                      .Name("zerogate_config_reloads_total")
                      .Help("Reloads of the configuration, taken over (ok) or refused.")
                      .Register(info_->registry());
  taken_ = &reloads.Add({{"result", "ok"}});
  refused_ = &reloads.Add({{"result", "refused"}});
  successful_ = &prometheus::BuildGauge()
                     .Name("zerogate_config_last_reload_successful")
                     .Help("0 when the last reload was refused: what runs is not what is written.")
                     .Register(info_->registry())
                     .Add({});
  taken_at_ = &prometheus::BuildGauge()
                   .Name("zerogate_config_last_reload_success_timestamp_seconds")
                   .Help(
                       "When what is in force was read, at the start or by the last reload that "
                       "was taken over, in seconds since unix epoch.")
                   .Register(info_->registry())
                   .Add({});
  show_in_force();
  thread_ = std::thread([this] { run(); });
}

bool Reloader::still_reading() { return threads_that_read > 0; }

Reloader::~Reloader() {
  info_->end();
  stop();
  thread_.join();
}

void Reloader::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void Reloader::request() {
  const std::lock_guard lock(mutex_);
  requested_ = true;
  changed_.notify_all();
}

void Reloader::run() {
  std::unique_lock lock(mutex_);
  const auto ordered = [this] { return requested_ || stopping_; };
  for (;;) {
    bool watch = false;
    if (const auto period = watch_period(); period.count() != 0) {
      watch = !changed_.wait_for(lock, period, ordered);
    } else {
      changed_.wait(lock, [&] { return ordered() || watch_period().count() != 0; });
    }
    if (stopping_) {
      return;
    }
    const bool reload = std::exchange(requested_, false);
    lock.unlock();
    if (reload) {
      (void)load_and_take_over();  // the log has its result
    } else if (watch) {
      renew_certificates();
    }
    lock.lock();
  }
}

std::chrono::milliseconds Reloader::watch_period() const {
  const auto has_files = [](const BackendOptions& backend) {
    return backend.tls_material != nullptr;
  };
  const bool any = running_.tls_material != nullptr || running_.redis_tls_material != nullptr ||
                   running_.admin_tls_material != nullptr ||
                   std::ranges::any_of(running_.backends, has_files);
  return std::chrono::milliseconds(any ? running_.tls_watch_ms : 0);
}

// The files are read without the mutex: they may be on a slow disk.
bool Reloader::renew_certificates() {
  const std::lock_guard one(one_at_a_time_);
  Config next;
  {
    const std::lock_guard lock(mutex_);
    next = running_;
  }
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
  const auto keep_in = [](std::vector<std::string>& lines) {
    return [&lines](std::string_view backend, std::string_view key, const std::string& message) {
      lines.push_back(fmt::format("{}{}{}: {}", backend.empty() ? "" : "backends.", backend,
                                  backend.empty() ? key : fmt::format(".{}", key), message));
    };
  };
  read_certificates(
      next,
      {.fail = keep_in(problems), .warn = keep_in(warnings), .note = [](auto, auto, auto&) {}});
  std::string text = fmt::format("{}", fmt::join(problems, "\n"));
  if (!text.empty() && text != tls_problems_) {
    for (const std::string& problem : problems) {
      log::error("certificates refused", {{"error", problem}});
    }
    certificates_->count(false);
  }
  tls_problems_ = std::move(text);
  const std::lock_guard lock(mutex_);
  if (stopping_ || (next.tls_material == running_.tls_material &&
                    next.redis_tls_material == running_.redis_tls_material &&
                    next.admin_tls_material == running_.admin_tls_material &&
                    next.backends == running_.backends)) {
    return false;
  }
  keep_what_is_in_force();
  running_.tls_material = next.tls_material;
  running_.redis_tls_material = next.redis_tls_material;
  running_.admin_tls_material = next.admin_tls_material;
  running_.backends = next.backends;
  parts_.apply(running_);
  certificates_->set(running_);
  certificates_->count(true);
  log::info("certificates renewed");
  for (const std::string& warning : warnings) {
    log::warn("configuration", {{"warning", warning}});
  }
  return true;
}

// New routes come into force when their backends have been tried once, which takes as long as a
// connection may take to be made; HTTP's callers may wait for that.
Result<std::string> Reloader::reload() {
  Result<std::string> result = load_and_take_over();
  const auto deadline = std::chrono::steady_clock::now() + parts_.patience;
  std::unique_lock lock(mutex_);
  while (result && !stopping_ && parts_.pending()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return result.value() + "; in force as soon as the new backends have been tried";
    }
    changed_.wait_for(lock, kPendingPoll);
  }
  return result;
}

Result<std::string> Reloader::load_and_take_over() {
  const std::lock_guard one(one_at_a_time_);
  parts_.on_begin();
  const auto loaded = load_in_time();
  const auto* errors = std::get_if<ConfigErrors>(&loaded);
  Result<std::string> result =
      errors != nullptr ? refuse(errors->lines) : take_over(std::get<Config>(loaded));
  {
    const std::lock_guard lock(mutex_);
    last_result_ = result ? result.value() : "reload refused: " + result.error();
  }
  parts_.on_end();
  return result;
}

std::variant<Config, ConfigErrors> Reloader::load_in_time() {
  const auto refusal = [](std::string why) { return ConfigErrors{{std::move(why)}}; };
  if (reading_ != nullptr) {
    const std::lock_guard lock(reading_->mutex);
    if (!reading_->result) {
      return refusal("the configuration is still being read for an earlier reload");
    }
  }
  reading_ = std::make_shared<Reading>();
  try {
    ++threads_that_read;
    std::thread([reading = reading_, load = parts_.load] {
      auto result = load_safely(load);
      --threads_that_read;
      const std::lock_guard lock(reading->mutex);
      reading->result = std::move(result);
      reading->done.notify_all();
    }).detach();
  } catch (const std::system_error&) {
    --threads_that_read;
    reading_.reset();
    return refusal("no thread can be started to read the configuration");
  }
  const auto deadline = std::chrono::steady_clock::now() + parts_.patience;
  std::unique_lock lock(reading_->mutex);
  const auto ended = [&] { return reading_->result.has_value(); };
  constexpr std::chrono::milliseconds kLookForStop{20};
  while (!ended() && std::chrono::steady_clock::now() < deadline) {
    reading_->done.wait_for(lock, kLookForStop, ended);
    const std::lock_guard own(mutex_);
    if (stopping_) {
      break;
    }
  }
  return ended() ? *reading_->result
                 : refusal(
                       "the configuration could not be read in time; is its file on a file "
                       "system that hangs?");
}

Result<std::string> Reloader::refuse(const std::vector<std::string>& reasons) {
  for (const std::string& reason : reasons) {
    log::error("reload refused", {{"error", reason}});
  }
  refused_->Increment();
  successful_->Set(0);
  return Error{fmt::format("{}", fmt::join(reasons, "\n"))};
}

/// Before `running_` changes. Routes that are still pending were never in force, and are not now.
void Reloader::keep_what_is_in_force() {
  if (!parts_.pending()) {
    before_ = running_;
  }
}

void Reloader::show_in_force() {
  successful_->Set(1);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  taken_at_->Set(std::chrono::duration<double>(now).count());
}

Result<std::string> Reloader::take_over(const Config& next) {
  std::vector<std::string> needs_restart;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return refuse({"the gateway stops"});
    }
    if (const auto problems = reload_problems(running_, next); !problems.empty()) {
      return refuse(problems);
    }
    needs_restart = unreloadable_changes(running_, next);
    keep_what_is_in_force();
    take_over_live(next, running_);
    parts_.apply(running_);
    show_in_force();
    certificates_->set(running_);
    changed_.notify_all();  // there may be something to watch now
  }
  taken_->Increment();
  const std::string restart = fmt::format("{}", fmt::join(needs_restart, ","));
  log::info("reloaded", {{"needs_restart", restart}});
  for (const std::string& warning : next.warnings) {
    log::warn("configuration", {{"warning", warning}});
  }
  return restart.empty() ? std::string("reloaded") : "reloaded; needs a restart: " + restart;
}

Result<std::string> Reloader::set_log_level(std::string_view name) {
  const auto level = log::level_named(name);
  if (!level) {
    return Error{fmt::format("{} is no level; write debug, info, warn, error or off", quote(name))};
  }
  const std::lock_guard lock(mutex_);
  const std::string change =
      fmt::format("{} -> {}", log::name_of(running_.log_level), log::name_of(*level));
  running_.log_level = *level;
  log::set_level(log::Level::info);  // of this there is a line whatever the level was and will be
  log::info("log level changed", {{"change", change}});
  log::set_level(*level);
  return change;
}

Config Reloader::in_force() const {
  const std::lock_guard lock(mutex_);
  Config config = running_;
  if (parts_.pending()) {
    config.handlers = before_.handlers;
    config.backends = before_.backends;
    config.routes = before_.routes;
  }
  return config;
}

std::string Reloader::last_result() const {
  const std::lock_guard lock(mutex_);
  return last_result_;
}

}  // namespace zerogate
