// What the running gateway does when it is sent a signal, and how it ends.
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "core/log/log.h"
#include "gateway/host/process.h"
#include "gateway/runtime/gateway.h"

namespace zerogate {

void Gateway::watch_signals() {
  for (const auto& set : {kHarmlessSignals, kEndingSignals}) {
    for (const int number : set) {
      signals_.push_back(make_uv<uv_signal_t>(&loop_, uv_signal_init, this));
      uv_signal_start(
          signals_.back().get(),
          [](uv_signal_t* signal, int n) { static_cast<Gateway*>(signal->data)->on_signal(n); },
          number);
    }
  }
}

void Gateway::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      return reloader_->request();
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:  // they would kill without a drain; elsewhere they rotate logs
      return log::warn("signal ignored", {{"signal", strsignal(number)}});
    default:
      break;
  }
  shutdown_->on_signal(number);
}

// Every call has ended. A signal from here on may hurry the end, and must not change the status.
void Gateway::ignore_signals(int status) {
  const HeldSignals held(
      {kHarmlessSignals, kEndingSignals});  // libuv takes its handlers away first
  signals_.clear();
  for (const int number : kHarmlessSignals) {
    std::signal(number, SIG_IGN);
  }
  for (const int number : kEndingSignals) {
    std::signal(
        number, status == 0 ? [](int) { _exit(0); } : [](int) { _exit(1); });
  }
}

void Gateway::make_shutdown() {
  ShutdownSteps steps;
  steps.on_begin = [this](uint32_t total_ms) {
    manager_.stopping("draining: calls under way are answered", total_ms);
  };
  steps.drain = [this] { drain_workers(); };
  steps.stop = [this] {
    for (const auto& worker : workers_) {
      worker->stop();
    }
  };
  const ShutdownOptions options = {config_.drain_delay_ms, config_.drain_timeout_ms};
  shutdown_ = std::make_unique<Shutdown>(&loop_, options, std::move(steps));
}

void Gateway::drain_workers() {
  for (auto* sockets : {&tcp_sockets_, &tls_sockets_}) {
    for (ListenSocket& socket : *sockets) {
      socket.hold_newcomers();
    }
  }
  for (const auto& worker : workers_) {
    worker->drain();
  }
}

}  // namespace zerogate
