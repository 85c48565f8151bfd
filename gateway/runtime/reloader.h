// Changes of the configuration while the gateway runs: SIGHUP, POST /reload and POST /log.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "core/base/result.h"
#include "gateway/config/load_config.h"
#include "gateway/control/certificates.h"
#include "gateway/control/config_info.h"

namespace zerogate {

/// The parts of the gateway that a reload calls. Every function may be called from any thread but
/// the workers'.
struct ReloadParts {
  /// Loads the configuration again, from where the first one came. May block: it runs on a thread
  /// of its own, which outlives the reloader while it does.
  std::function<std::variant<Config, ConfigErrors>()> load;
  /// Puts the live settings into force.
  std::function<void(const Config&)> apply;
  /// True while new routes wait for their backends to be tried.
  std::function<bool()> pending = [] { return false; };
  std::function<void()> on_begin = [] {};
  std::function<void()> on_end = [] {};       ///< it has been taken over or refused
  std::chrono::milliseconds patience{5'000};  ///< with reading the file, and again with `pending`
};

/// Holds the configuration that runs. A reload is refused as a whole, with a reason in the log,
/// when the new one has errors, is suspiciously empty (reload_rules.h) or cannot be read in time.
/// One at a time. Any thread but the workers'; made and destroyed by the main one.
class Reloader {
 public:
  Reloader(const Config& running, ReloadParts parts);
  /// As stop(), and waits for the reload that is under way.
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  /// Starts a reload on the reloader's thread; the log gets the result. Never waits.
  void request();
  /// Reloads, and returns when the new routes are in force or patience has ended. The text says
  /// what was taken over, or why nothing was, one reason a line.
  Result<std::string> reload();
  /// Reads the files of certificates again, and takes over those that have changed and can be used.
  /// The reloader's thread does so every tls.watch, while there are any. True: something changed.
  bool renew_certificates();
  /// Takes the level over, and says what it was. It holds until the next reload.
  Result<std::string> set_log_level(std::string_view name);
  /// Threads that wait here go on, and no change is taken over any more.
  void stop();

  /// The configuration in force: the routes before a reload until the new ones are no longer
  /// pending.
  Config in_force() const;
  /// What came of the last reload, for people; empty when there was none.
  std::string last_result() const;
  std::shared_ptr<prometheus::Collectable> metrics() const { return info_; }
  std::shared_ptr<prometheus::Collectable> certificates() const { return certificates_; }

  /// True while a thread of any reloader calls `load`, be that reloader destroyed or not. The
  /// process must then end by _exit(): what that thread looks at may not be destroyed.
  static bool still_reading();

 private:
  struct Reading;

  void run();
  /// 0: there is nothing to watch. The mutex is held.
  std::chrono::milliseconds watch_period() const;
  Result<std::string> load_and_take_over();
  std::variant<Config, ConfigErrors> load_in_time();
  Result<std::string> refuse(const std::vector<std::string>& reasons);
  Result<std::string> take_over(const Config& next);
  void keep_what_is_in_force();
  void show_in_force();

  const ReloadParts parts_;
  const std::shared_ptr<ConfigInfo> info_;
  const std::shared_ptr<Certificates> certificates_;
  prometheus::Counter* taken_ = nullptr;
  prometheus::Counter* refused_ = nullptr;
  prometheus::Gauge* successful_ = nullptr;
  prometheus::Gauge* taken_at_ = nullptr;
  std::mutex one_at_a_time_;
  mutable std::mutex mutex_;  ///< guards what follows; never held while something is waited for
  std::condition_variable changed_;
  Config running_;
  Config before_;  ///< its routes are in force while those of `running_` are pending
  std::string last_result_;
  bool requested_ = false;
  bool stopping_ = false;
  std::string tls_problems_;  ///< guarded by one_at_a_time_; those that the log has, a line each
  std::shared_ptr<Reading> reading_;  ///< guarded by one_at_a_time_; null: none is under way
  std::thread thread_;                ///< last: it uses the rest
};

}  // namespace zerogate
