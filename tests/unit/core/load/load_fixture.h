// What the tests of loads share: a run against a server of a few lines.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/load/load_run.h"
#include "tests/unit/core/client/test_peer.h"

namespace zerogate::testing {

/// Of one connection with one call at a time, unless a test says otherwise.
class LoadTest : public ::testing::Test, private EndOfTurn {
 protected:
  LoadTest() {
    options_.function = "f";
    options_.argument = "\x05";
    options_.connections = 1;
    options_.warmup_ms = 0;
    options_.duration_ms = 20'000;
  }

  /// Runs until this is true, before the time of the options is over.
  Status run(const std::string& url, std::function<bool(const LoadReport&)> enough) {
    stopped_ = false;
    Status status = run_to_the_end(url, std::move(enough));
    EXPECT_TRUE(stopped_) << "it was never enough";
    return status;
  }
  /// Runs as long as the options say.
  Status run(const std::string& url) {
    return run_to_the_end(url, [](const LoadReport&) { return false; });
  }
  Status run_to_the_end(const std::string& url, std::function<bool(const LoadReport&)> enough) {
    options_.url = ServerUrl::parse(url).value();
    enough_ = std::move(enough);
    run_.reset();
    loop_ = std::make_unique<EventLoop>();
    run_.emplace(*loop_, options_);
    loop_->add(*this);
    Status status = run_->run();
    EXPECT_EQ(run_->phase(), LoadRun::Phase::done);
    report_ = run_->report();
    return status;
  }
  /// Closes the connections of the run, which has ended.
  void disconnect() { run_.reset(); }
  const LoadReport& report() const { return report_; }
  uint64_t count(CallError error) const { return report().errors[static_cast<size_t>(error)]; }
  std::string sample(CallError error) const { return report().samples[static_cast<size_t>(error)]; }

  std::unique_ptr<TcpPeer> tcp_peer_;  ///< ends when its connection does
  LoadOptions options_;

 private:
  void end_of_turn() override {
    if (run_->phase() != LoadRun::Phase::done && enough_(run_->report())) {
      stopped_ = true;
      run_->stop();
    }
  }

  std::unique_ptr<EventLoop> loop_;
  std::optional<LoadRun> run_;
  LoadReport report_;
  std::function<bool(const LoadReport&)> enough_;
  bool stopped_ = false;
};

}  // namespace zerogate::testing
