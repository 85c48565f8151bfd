#include "core/metrics/function_labels.h"

#include <functional>

#include "core/base/utf8.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

constexpr std::string_view kOther = "_other";

bool is_between(std::string_view text, std::string_view first, std::string_view last) {
  const std::string_view front = text.substr(0, first.size());
  return front >= first && front <= last;
}

/// Whether UTF-8 begins with a character that would break or disguise a line of text: control
/// characters, line separators, and those that change the direction of writing.
bool begins_unprintable(std::string_view text) {
  return is_between(text, std::string_view("\0", 1), "\x1f") || text[0] == '\x7f' ||
         is_between(text, "\xc2\x80", "\xc2\x9f") ||          // C1 controls
         is_between(text, "\xe2\x80\xa8", "\xe2\x80\xae") ||  // U+2028 to U+202E
         is_between(text, "\xe2\x81\xa6", "\xe2\x81\xa9");    // U+2066 to U+2069
}

bool is_good_label(std::string_view name) {
  if (name.empty() || name.size() > FunctionLabels::kMaxNameBytes || name == kOther ||
      !is_utf8(name)) {
    return false;
  }
  for (size_t i = 0; i < name.size(); ++i) {
    if (begins_unprintable(name.substr(i))) {
      return false;
    }
  }
  return true;
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
  for (size_t slot = slot_of(name);; slot = (slot + 1) % kSlots) {
    const uint16_t entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == 0) {
      return other();
    }
    if (names_[entry - 1U] == name) {
      return entry - 1U;
    }
  }
}

void FunctionLabels::tell_full(std::string_view name) {
  if (told_.load(std::memory_order_relaxed) || !is_good_label(name) || told_.exchange(true)) {
    return;
  }
  log::warn("all function labels are taken: more functions are counted as _other until a restart",
            {{"limit", kMaxNames}, {"function", name}});
}

std::optional<FunctionLabel> FunctionLabels::learn(std::string_view name) {
  if (const FunctionLabel label = find(name); label != other()) {
    return label;
  }
  if (known() == kMaxNames) {
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
  const auto label = static_cast<FunctionLabel>(known());
  if (label == kMaxNames) {
    return std::nullopt;
  }
  names_[label] = name;
  known_.store(label + 1, std::memory_order_release);
  size_t slot = slot_of(name);
  while (slots_[slot].load(std::memory_order_relaxed) != 0) {
    slot = (slot + 1) % kSlots;
  }
  slots_[slot].store(static_cast<uint16_t>(label + 1), std::memory_order_release);
  return label;
}

}  // namespace zerogate
