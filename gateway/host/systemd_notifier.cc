#include "gateway/host/systemd_notifier.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>

#include "core/base/quote.h"
#include "core/base/utf8.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

/// On top of what a drain may take: closing connections and the admin server's threads.
constexpr uint32_t kStopMarginMs = 5'000;
constexpr size_t kMaxStatusBytes = 1'000;
constexpr timeval kPatience{1, 0};  ///< with a service manager whose queue is full

/// Of a Unix socket's path, or of an abstract name, which is written with @ in front (unix(7)).
struct UnixAddress {
  sockaddr_un storage{};
  socklen_t size = 0;
};

std::optional<UnixAddress> unix_address(const std::string& path) {
  UnixAddress address;
  const bool known = path.starts_with('/') || (path.starts_with('@') && path.size() > 1);
  if (!known || path.size() >= sizeof address.storage.sun_path) {
    return std::nullopt;
  }
  address.storage.sun_family = AF_UNIX;
  std::ranges::copy(path, address.storage.sun_path);
  if (path.front() == '@') {
    address.storage.sun_path[0] = '\0';
  }
  // The length says where an abstract name ends.
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return address;
}

std::optional<uint64_t> number(const std::optional<std::string>& text) {
  if (!text) {
    return std::nullopt;
  }
  uint64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, value);
  if (failure != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

/// A state is a list of lines, so a text from elsewhere must be one line.
std::string one_line(std::string_view text) {
  return plain_line(utf8_prefix(text, kMaxStatusBytes));
}

/// As systemd compares it with its own clock, to tell an old READY=1 from a new one.
uint64_t monotonic_us() {
  using std::chrono::microseconds;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<microseconds>(now).count());
}

}  // namespace

SystemdNotifier::SystemdNotifier(const Environment& environment)
    : path_(environment("NOTIFY_SOCKET").value_or("")) {
  if (path_.empty()) {
    return;
  }
  const Status opened = open();
  if (opened) {
    read_watchdog(environment);
    return;
  }
  log::warn("the service manager cannot be told when the gateway is ready",
            {{"NOTIFY_SOCKET", path_}, {"reason", opened.error()}});
  path_.clear();
}

// Nothing is connected: a service manager that was restarted has a new socket of the same name.
Status SystemdNotifier::open() {
  if (!unix_address(path_)) {
    return Error{"neither /path nor @name of a Unix socket"};
  }
  socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_) {
    return Error{std::strerror(errno)};
  }
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  return ok_status();
}

void SystemdNotifier::read_watchdog(const Environment& environment) {
  const std::optional<std::string> interval = environment("WATCHDOG_USEC");
  if (!interval) {
    return;
  }
  const std::optional<std::string> whose = environment("WATCHDOG_PID");
  if (whose && number(whose) != static_cast<uint64_t>(getpid())) {
    return;  // for a parent of ours
  }
  const uint64_t interval_us = number(interval).value_or(0);
  watchdog_ms_ = interval_us / 1'000;
  if (watchdog_ms_ > 0) {
    return;
  }
  log::warn("no watchdog: not a number of microseconds", {{"WATCHDOG_USEC", *interval}});
}

void SystemdNotifier::ready(std::string_view status) const {
  send(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

void SystemdNotifier::reloading() const {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", monotonic_us()));
}

void SystemdNotifier::stopping(std::string_view status, uint32_t timeout_ms) const {
  const uint64_t timeout_us = (uint64_t{timeout_ms} + kStopMarginMs) * 1'000;
  send(fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\nSTATUS={}", timeout_us, one_line(status)));
}

void SystemdNotifier::status(std::string_view text) const { send("STATUS=" + one_line(text)); }

void SystemdNotifier::alive() const { send("WATCHDOG=1"); }

void SystemdNotifier::send(const std::string& state) const {
  if (path_.empty()) {
    return;
  }
  const UnixAddress address = *unix_address(path_);
  const auto* to = reinterpret_cast<const sockaddr*>(&address.storage);
  if (sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL, to, address.size) >= 0) {
    return;
  }
  log::warn("the service manager was not told",
            {{"NOTIFY_SOCKET", path_}, {"state", state}, {"reason", std::strerror(errno)}});
}

}  // namespace zerogate
