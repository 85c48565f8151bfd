#include "core/metrics/function_labels.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

#include "core/base/printable.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

constexpr std::string_view kOther = "_other";

bool is_good_label(std::string_view name) {
  return !name.empty() && name.size() <= FunctionLabels::kMaxNameBytes && name != kOther &&
         is_printable(name);
}

}  // namespace

FunctionLabels::FunctionLabels(const std::vector<std::string>& names) {
  names_[other()] = kOther;
  for (const std::string& name : names) {
    learn(name);
  }
}

size_t FunctionLabels::slot_of(std::string_view name) {
  return std::hash<std::string_view>{}(name) % kSlots;
}

FunctionLabel FunctionLabels::find(std::string_view name) const {
  if (name.size() > kMaxNameBytes) {
    return other();  // may be megabytes long
  }
  size_t slot = slot_of(name);
  for (size_t left = kSlots; left > 0; --left, slot = (slot + 1) % kSlots) {
    const uint16_t entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == 0) {
      break;
    }
    if (entry != kGone && names_[entry - 1U] == name) {
      return entry - 1U;
    }
  }
  return other();
}

std::string FunctionLabels::name_now(FunctionLabel label) const {
  const std::lock_guard lock(learning_);
  return names_[label];
}

std::vector<LiveLabel> FunctionLabels::live() const {
  const std::lock_guard lock(learning_);
  std::vector<LiveLabel> labels;
  for (FunctionLabel label = 0; label < kMaxNames; ++label) {
    if (uses_[label] == Use::live) {
      labels.push_back({label, names_[label], bases_[label]});
    }
  }
  return labels;
}

void FunctionLabels::tell_full(std::string_view name) {
  if (told_.load(std::memory_order_relaxed) || !is_good_label(name) || told_.exchange(true)) {
    return;
  }
  log::warn("all function labels are taken: more functions are counted as _other until one is free",
            {{"limit", kMaxNames}, {"function", name}});
}

std::optional<FunctionLabel> FunctionLabels::learn(std::string_view name) {
  if (const FunctionLabel label = find(name); label != other()) {
    return label;
  }
  if (taken_.load(std::memory_order_relaxed) == kMaxNames) {
    tell_full(name);
    return std::nullopt;
  }
  if (!is_good_label(name)) {
    return std::nullopt;
  }

  const std::lock_guard lock(learning_);
  if (const FunctionLabel label = find(name); label != other()) {
    return label;
  }
  const auto place = std::ranges::find(uses_, Use::free);
  if (place == uses_.end()) {
    return std::nullopt;
  }
  *place = Use::live;
  const auto label = static_cast<FunctionLabel>(place - uses_.begin());
  names_[label] = name;
  ++taken_;
  ++known_;
  enter(label);
  return label;
}

void FunctionLabels::enter(FunctionLabel label) {
  size_t slot = slot_of(names_[label]);
  for (uint16_t entry; (entry = slots_[slot].load(std::memory_order_relaxed)) != 0;) {
    if (entry == kGone) {
      break;
    }
    slot = (slot + 1) % kSlots;
  }
  slots_[slot].store(static_cast<uint16_t>(label + 1), std::memory_order_release);
}

void FunctionLabels::retire(FunctionLabel label) {
  const std::lock_guard lock(learning_);
  assert(uses_[label] == Use::live);
  uses_[label] = Use::retired;
  --known_;
  size_t slot = slot_of(names_[label]);
  while (slots_[slot].load(std::memory_order_relaxed) != label + 1) {
    slot = (slot + 1) % kSlots;
  }
  slots_[slot].store(kGone, std::memory_order_release);
  // Where a search would end behind it anyway, it may end here.
  while (slots_[(slot + 1) % kSlots].load(std::memory_order_relaxed) == 0 &&
         slots_[slot].load(std::memory_order_relaxed) == kGone) {
    slots_[slot].store(0, std::memory_order_release);
    slot = (slot + kSlots - 1) % kSlots;
  }
}

void FunctionLabels::release(FunctionLabel label, std::shared_ptr<const LabelBase> base) {
  const std::lock_guard lock(learning_);
  assert(uses_[label] == Use::retired);
  uses_[label] = Use::free;
  names_[label].clear();
  bases_[label] = std::move(base);
  --taken_;
  told_ = false;
}

}  // namespace zerogate
