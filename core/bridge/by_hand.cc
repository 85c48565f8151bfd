#include "core/bridge/by_hand.h"

#include <fmt/format.h>

#include "core/base/endpoint_name.h"
#include "core/base/printable.h"
#include "core/base/quote.h"

namespace zerogate {
std::string in_words(const HandOrder& order) {
  if (order.state == HandState::ready) {
    return "";
  }
  return fmt::format("{} by hand{}{}", order.state == HandState::drain ? "drained" : "disabled",
                     order.reason.empty() ? "" : ": ", order.reason);
}

Status ByHand::set(const std::string& backend, const std::string& endpoint, HandOrder order) {
  if (order.reason.size() > kMaxReasonBytes) {
    return Error{fmt::format("the reason is longer than {} bytes", kMaxReasonBytes)};
  }
  if (!is_printable(order.reason)) {
    return Error{"the reason has a character that cannot be printed"};
  }
  const std::lock_guard lock(mutex_);
  const auto key = std::pair(backend, endpoint);
  const std::string address(address_of(endpoint));
  const auto is_for_a_name_there = [&](const auto& item) {
    return item.first != key && item.first.first == backend &&
           address_of(item.first.second) == endpoint;
  };
  if (order.state == HandState::ready) {
    if (address != endpoint && orders_.contains({backend, address})) {
      return Error{
          fmt::format("the order is for all that have the address: enable {}", quote(address))};
    }
    orders_.erase(key);
    std::erase_if(orders_, is_for_a_name_there);
    return ok_status();
  }
  if (orders_.size() >= kMaxOrders && !orders_.contains(key)) {
    return Error{fmt::format("{} endpoints are disabled or drained: enable some", kMaxOrders)};
  }
  HandOrder& standing = orders_.try_emplace(key, order).first->second;
  if (standing.state == order.state) {
    order.since_ns = standing.since_ns;
  }
  standing = std::move(order);
  std::erase_if(orders_, is_for_a_name_there);
  return ok_status();
}

HandOrder ByHand::find(const std::string& backend, const std::string& endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = orders_.find({backend, endpoint});
  return found != orders_.end() ? found->second : HandOrder{};
}

HandOrder ByHand::standing_for(const std::string& backend, const std::string& endpoint) const {
  HandOrder own = find(backend, endpoint);
  return own.state != HandState::ready ? own : find(backend, std::string(address_of(endpoint)));
}

std::vector<ByHand::Entry> ByHand::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  for (const auto& [key, order] : orders_) {
    entries.push_back({key.first, key.second, order});
  }
  return entries;
}

}  // namespace zerogate
