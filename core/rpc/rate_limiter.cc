#include "core/rpc/rate_limiter.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/glob.h"
#include "core/base/hash.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

using Per = RateLimitOptions::Per;
using Mode = RateLimitOptions::Mode;

uint64_t key_of(const RateRule& rule, std::string_view function, const Caller& caller) {
  switch (rule.options.per) {
    case Per::caller:
      return seeded_hash(rule.hash + (caller.proven ? 1 : 0), caller.name);
    case Per::function:
      return seeded_hash(rule.hash, function);
    case Per::all:
      break;
  }
  return mix(rule.hash);
}

}  // namespace

void RateLimiter::take_over() {
  version_ = limits_->version();
  rules_ = limits_->rules();
  masks_ = {};
  lines_.assign(rules_ != nullptr ? rules_->size() : 0, {});
}

uint64_t RateLimiter::mask_of(std::string_view function) const {
  uint64_t mask = 0;
  for (size_t i = 0; i < rules_->size(); ++i) {
    const auto matches = [&](const std::string& glob) { return glob_match(glob, function); };
    if (std::ranges::any_of((*rules_)[i].options.functions, matches)) {
      mask |= uint64_t{1} << i;
    }
  }
  return mask;
}

uint64_t RateLimiter::limits_of(const Request& request) {
  if (request.label == FunctionLabels::other()) {
    return mask_of(request.function);
  }
  std::optional<uint64_t>& known = masks_[request.label];
  if (!known) {
    known = mask_of(request.function);
  }
  return *known;
}

std::optional<RateExcess> RateLimiter::take(const Request& request) {
  uint64_t mask = limits_of(request);
  if (mask == 0) {
    return std::nullopt;
  }
  const Caller& caller = request.path.sink->caller(request.path.caller);
  if (!std::has_single_bit(mask)) {  // one alone is charged or refuses in one step
    std::optional<RateExcess> excess;
    mask = ask(mask, request, caller, excess);
    if (excess) {
      return excess;
    }
  }
  return charge(mask, request, caller);
}

uint64_t RateLimiter::ask(uint64_t mask, const Request& request, const Caller& caller,
                          std::optional<RateExcess>& excess) {
  uint64_t within = mask;
  for (; mask != 0 && !excess; mask &= mask - 1) {
    const auto index = static_cast<size_t>(std::countr_zero(mask));
    const RateRule& rule = (*rules_)[index];
    const uint64_t key = key_of(rule, request.function, caller);
    const uint64_t wait_ns = limits_->table().wait_of(key, request.now_ns, rule.allowance);
    if (wait_ns > 0) {
      within &= ~(mask & -mask);
      excess = exceed(index, wait_ns, request, caller);
    }
  }
  return within;
}

std::optional<RateExcess> RateLimiter::charge(uint64_t mask, const Request& request,
                                              const Caller& caller) {
  uint64_t charged = 0;
  for (; mask != 0; mask &= mask - 1) {
    const auto index = static_cast<size_t>(std::countr_zero(mask));
    const RateRule& rule = (*rules_)[index];
    const uint64_t key = key_of(rule, request.function, caller);
    const auto taken = limits_->table().take(key, request.now_ns, rule.allowance);
    if (taken.verdict == GcraTable::Verdict::allowed) {
      charged |= mask & -mask;
    } else if (taken.verdict == GcraTable::Verdict::untracked) {
      limits_->count_untracked();
    } else if (auto excess = exceed(index, taken.wait_ns, request, caller)) {
      give_back(charged, request, caller);
      return excess;
    }
  }
  return std::nullopt;
}

void RateLimiter::give_back(uint64_t mask, const Request& request, const Caller& caller) {
  for (; mask != 0; mask &= mask - 1) {
    const RateRule& rule = (*rules_)[static_cast<size_t>(std::countr_zero(mask))];
    limits_->table().give_back(key_of(rule, request.function, caller), rule.allowance);
  }
}

std::optional<RateExcess> RateLimiter::exceed(size_t index, uint64_t wait_ns,
                                              const Request& request, const Caller& caller) {
  const RateRule& rule = (*rules_)[index];
  rule.exceeded->fetch_add(1, std::memory_order_relaxed);
  tell(index, request, caller);
  return rule.options.mode == Mode::enforce ? std::optional(RateExcess{&rule, wait_ns})
                                            : std::nullopt;
}

void RateLimiter::tell(size_t index, const Request& request, const Caller& caller) {
  Lines& lines = lines_[index];
  if (request.now_ns < lines.next_ns) {
    ++lines.left_out;
    return;
  }
  lines.next_ns = request.now_ns + kLineNs;
  const RateRule& rule = (*rules_)[index];
  const uint64_t left_out = std::exchange(lines.left_out, 0);
  const std::string_view mode = mode_name(rule.options.mode);
  const std::string_view function = request.function.substr(0, FunctionLabels::kMaxNameBytes);
  const log::Field fields[] = {{"limit", rule.name},
                               {"mode", mode},
                               {"caller", caller.name},
                               {"function", function},
                               {"suppressed", left_out}};
  const log::FieldSpan all(fields);
  log::write(log::Level::warn, "rate limit exceeded",
             left_out > 0 ? all : all.first(all.size() - 1));
}

}  // namespace zerogate
