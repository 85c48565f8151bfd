#include "core/bridge/endpoint_resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/io/dns_lookup.h"

namespace zerogate {

EndpointResolver::EndpointResolver(const ResolverContext& context, const BackendOptions& backend,
                                   std::function<void()> on_change)
    : resolve_ms_(backend.resolve_ms),
      connect_timeout_ms_(backend.connect_timeout_ms),
      timers_(context.timers),
      on_change_(std::move(on_change)),
      look_up_timer_(context.timers, [this] { look_up_all(resolve_ms_ / 2); }),
      settle_timer_(context.timers, [this] { on_settle_timer(); }) {
  bool any_name = false;
  for (const ServerUrl& url : backend.urls) {
    auto name = std::make_unique<Name>();
    name->url = url;
    if (url.address.is_path() || DnsLookup::is_address(url.address.host)) {
      name->settled = true;
    } else {
      any_name = true;
      name->state = std::make_unique<StateReporter>(
          context.loop, context.states,
          WatchedState{"name resolved",
                       "name not resolved",
                       WatchedState::When::up_for_any,
                       {{"backend", backend.name}, {"name", url.address.host}}});
      name->lookup = context.lookups.make(
          [this, it = name.get()](const NameAnswer& answer) { on_answer(*it, answer); });
    }
    names_.push_back(std::move(name));
  }
  if (any_name) {
    look_up_all(0);
    settle_timer_.start(connect_timeout_ms_);
  }
}

// The workers ask at about the same time: those that come later take the first one's answer.
void EndpointResolver::look_up_all(uint64_t max_age_ms) {
  const uint64_t now_ms = timers_.now_ms();
  for (const auto& name : names_) {
    if (name->lookup == nullptr) {
      continue;
    }
    if (!name->lookup->running()) {
      name->asked_ms = now_ms;
      name->lookup->start(name->url.address.host, max_age_ms);
    } else if (now_ms - name->asked_ms >= kSlowMs) {
      fail(*name, "the name server does not answer");
    }
  }
  look_up_timer_.start(resolve_ms_);
}

// Neither readiness nor a reload waits for a name server that does not answer.
void EndpointResolver::on_settle_timer() {
  if (settled()) {
    return;
  }
  for (const auto& name : names_) {
    if (!std::exchange(name->settled, true)) {
      fail(*name,
           fmt::format("the name server has not answered within {} ms", connect_timeout_ms_));
    }
  }
  on_change_();
}

void EndpointResolver::fail(Name& name, std::string why) {
  name.error = std::move(why);
  name.state->set(false, name.error);
}

void EndpointResolver::on_answer(Name& name, const NameAnswer& answer) {
  const std::vector<Found> before = found();
  const bool first = !std::exchange(name.settled, true);
  if (answer.kind == NameAnswer::Kind::found) {
    take(name, answer.addresses);
    name.error.clear();
    name.state->set(true);
  } else {
    if (answer.kind == NameAnswer::Kind::no_such_name) {
      name.addresses.clear();
    }
    fail(name, answer.error);
  }
  if (first || found() != before) {
    on_change_();
  }
}

void EndpointResolver::take(Name& name, const std::vector<std::string>& addresses) {
  for (auto& [host, missed] : name.addresses) {
    ++missed;
  }
  for (const std::string& host : addresses) {
    uint32_t& missed = name.addresses[host];
    if (missed > 1) {
      name.patience = std::clamp(2 * (missed - 1), name.patience, kMaxPatience);
    }
    missed = 0;
  }
  std::erase_if(name.addresses, [&](const auto& address) {
    return address.second > std::max(name.patience, kRemembered);
  });
}

std::vector<EndpointResolver::Found> EndpointResolver::found() const {
  std::vector<Found> all;
  for (size_t url = 0; url < names_.size(); ++url) {
    const Name& name = *names_[url];
    if (name.lookup == nullptr) {
      all.push_back({name.url.protocol, name.url.address, url});
      continue;
    }
    for (const auto& [host, missed] : name.addresses) {
      if (missed <= name.patience) {
        all.push_back(
            {name.url.protocol, Address{host, name.url.address.port, ""}, url, missed != 0});
      }
    }
  }
  return all;
}

bool EndpointResolver::settled() const {
  return std::ranges::all_of(names_, [](const auto& name) { return name->settled; });
}

std::string EndpointResolver::error() const {
  for (const auto& name : names_) {
    if (!name->error.empty() && name->addresses.empty() && name->lookup != nullptr) {
      return fmt::format("{} ({})", name->error, name->url.address.host);
    }
  }
  return {};
}

}  // namespace zerogate
