#include "core/bridge/endpoint_resolver.h"

#include <algorithm>
#include <utility>

namespace zerogate {

EndpointResolver::EndpointResolver(uv_loop_t* loop, const BackendOptions& backend,
                                   const std::shared_ptr<StateLog>& states,
                                   std::function<void()> on_change)
    : on_change_(std::move(on_change)), timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)) {
  bool any_name = false;
  for (const ServerUrl& url : backend.urls) {
    auto name = std::make_unique<Name>();
    name->url = url;
    if (url.address.is_path() || DnsLookup::is_address(url.address.host)) {
      name->settled = true;
    } else {
      any_name = true;
      name->state = std::make_unique<StateReporter>(
          loop, states,
          WatchedState{"name resolved",
                       "name not resolved",
                       WatchedState::When::up_for_any,
                       {{"backend", backend.name}, {"name", url.address.host}}});
      name->lookup = std::make_unique<DnsLookup>(
          loop, [this, it = name.get()](DnsLookup::Addresses addresses) {
            on_found(*it, std::move(addresses));
          });
    }
    names_.push_back(std::move(name));
  }
  if (!any_name) {
    return;
  }
  look_up_all();
  uv_timer_start(
      timer_.get(), [](uv_timer_t* t) { static_cast<EndpointResolver*>(t->data)->look_up_all(); },
      backend.resolve_ms, backend.resolve_ms);
}

void EndpointResolver::look_up_all() {
  for (const auto& name : names_) {
    if (name->lookup == nullptr || name->lookup->running()) {
      continue;
    }
    if (Status status = name->lookup->start(name->url.address.host); !status) {
      error_ = status.error();
    }
  }
}

void EndpointResolver::on_found(Name& name, DnsLookup::Addresses addresses) {
  const bool first = !std::exchange(name.settled, true);
  name.state->set(bool(addresses), addresses ? "" : addresses.error());
  if (!addresses) {
    error_ = addresses.error();
    if (first) {
      on_change_();
    }
    return;
  }
  error_.clear();
  std::vector<std::string> found = std::move(addresses).value();
  std::ranges::sort(found);  // name servers rotate their answers
  if (found == name.addresses && !first) {
    return;
  }
  name.addresses = std::move(found);
  on_change_();
}

std::vector<EndpointResolver::Found> EndpointResolver::found() const {
  std::vector<Found> all;
  for (size_t url = 0; url < names_.size(); ++url) {
    const auto& name = names_[url];
    if (name->lookup == nullptr) {
      all.push_back({name->url.protocol, name->url.address, url});
      continue;
    }
    for (const std::string& host : name->addresses) {
      all.push_back({name->url.protocol, Address{host, name->url.address.port, ""}, url});
    }
  }
  return all;
}

bool EndpointResolver::settled() const {
  return std::ranges::all_of(names_, [](const auto& name) { return name->settled; });
}

}  // namespace zerogate
