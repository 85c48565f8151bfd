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

std::optional<RateExcess> RateLimiter::take(const Request& request) {
  uint64_t mask = 0;
  if (request.label == FunctionLabels::other()) {
    mask = mask_of(request.function);
  } else {
    std::optional<uint64_t>& known = masks_[request.label];
    if (!known) {
      known = mask_of(request.function);
    }
    mask = *known;
  }
  if (mask == 0) {
    return std::nullopt;
  }
  const Caller& caller = request.path.sink->caller(request.path.caller);
  for (; mask != 0; mask &= mask - 1) {
    const auto index = static_cast<size_t>(std::countr_zero(mask));
    const RateRule& rule = (*rules_)[index];
    const uint64_t key = key_of(rule, request.function, caller);
    const auto taken = limits_->table().take(key, request.now_ns, rule.allowance);
    if (taken.verdict == GcraTable::Verdict::allowed) {
      continue;
    }
    if (taken.verdict == GcraTable::Verdict::untracked) {
      limits_->count_untracked();
      continue;
    }
    rule.exceeded->fetch_add(1, std::memory_order_relaxed);
    tell(index, request, caller);
    if (rule.options.mode == Mode::enforce) {
      return RateExcess{&rule, taken.wait_ns};
    }
  }
  return std::nullopt;
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
