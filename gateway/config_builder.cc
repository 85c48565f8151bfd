#include "gateway/config_builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace zerogate {
namespace {

struct Listener {
  std::string_view path;
  const std::optional<Address>& address;
};

/// True when both cannot be bound at once: the same socket, or one of them is its wildcard.
bool clash(const Address& a, const Address& b) {
  if (a.is_path() || b.is_path()) return a.path == b.path;
  if (a.port != b.port || a.port == 0) return false;
  const auto is_v6 = [](const Address& address) {
    return address.host.find(':') != address.host.npos;
  };
  if (a.host == b.host) return true;
  if (is_v6(a) != is_v6(b)) return false;
  const std::string_view wildcard = is_v6(a) ? "::" : "0.0.0.0";
  return a.host == wildcard || b.host == wildcard;
}

}  // namespace

void ConfigBuilder::apply(const Setting& setting, const SettingValue& value) {
  Problems problems;
  setting.set(value, config_, problems);
  for (const Problem& problem : problems) fail(setting, problem.place, problem.message);
  if (!problems.empty()) return;
  origins_[setting.path] = value.place;
  std::erase(order_, setting.path);
  order_.push_back(setting.path);
}

void ConfigBuilder::fail(const std::string& place, const std::string& message) {
  errors_.push_back(fmt::format("{}: {}", place, message));
}

void ConfigBuilder::fail(const Setting& setting, const std::string& place,
                         const std::string& message) {
  failed_.insert(setting.path);
  fail(place, message);
}

std::string ConfigBuilder::origin(std::string_view path) const {
  const auto found = origins_.find(path);
  return found == origins_.end() ? std::string(path) : found->second;
}

void ConfigBuilder::check_together() {
  check_listeners();
}

void ConfigBuilder::check_listeners() {
  const Listener listeners[] = {{"listen.tcp", config_.listen_tcp},
                                {"listen.zmq", config_.listen_zmq},
                                {"admin", config_.admin}};
  for (const Listener& listener : listeners) {
    if (failed_.contains(listener.path)) return;  // it would be compared with a default
  }
  // Whoever was set last is to blame, and the place that can be mended.
  const auto rank = [this](std::string_view path) {
    return std::ranges::find(order_, path) - order_.begin() - (origins_.contains(path) ? 0 : 1'000);
  };
  const auto blame = [&](std::string_view a, std::string_view b) {
    return rank(a) > rank(b) ? a : b;
  };
  if (!config_.listen_tcp && !config_.listen_zmq) {
    fail(origin(blame("listen.tcp", "listen.zmq")),
         "listen.tcp and listen.zmq are both off, so nothing can be served; "
         "give one of them an address");
  }
  for (const Listener& a : listeners) {
    for (const Listener& b : listeners) {
      if (a.path >= b.path || !a.address || !b.address || !clash(*a.address, *b.address)) continue;
      const std::string_view late = blame(a.path, b.path);
      const bool a_is_late = late == a.path;
      fail(origin(late),
           fmt::format("{} is taken by {} ({}); give it another {}",
                       (a_is_late ? a : b).address->display(), (a_is_late ? b : a).path,
                       (a_is_late ? b : a).address->display(),
                       a.address->is_path() ? "path" : "port"));
    }
  }
}

}  // namespace zerogate
