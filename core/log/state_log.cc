#include "core/log/state_log.h"

#include <algorithm>

#include "core/base/clock.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

uint64_t now_ms() { return uv_hrtime() / kNsPerMs; }

std::string key_of(const WatchedState& watched) {
  std::string key = watched.down_event;
  for (const auto& [name, value] : watched.fields) {
    key += '\0';
    key += name;
    key += '\0';
    key += value;
  }
  return key;
}

}  // namespace

StateLog::Entry& StateLog::join(const WatchedState& watched) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = things_.try_emplace(key_of(watched));
  Entry& thing = found->second;
  if (is_new) {
    thing.watched = watched;
    thing.refilled_ms = now_ms();
  }
  ++thing.reporters;
  return thing;
}

void StateLog::leave(Entry& thing, std::optional<bool> view, bool awaited) {
  const std::lock_guard lock(mutex_);
  if (view) {
    --(*view ? thing.up_for : thing.down_for);
  }
  if (awaited) {
    thing.awaited = false;
  }
  judge(thing, now_ms());
  if (thing.changes > 0 && !thing.awaited) {
    write(thing);  // no timer will
  }
  if (--thing.reporters == 0) {
    things_.erase(key_of(thing.watched));
  }
}

uint64_t StateLog::update(Entry& thing, std::optional<bool> before, bool up,
                          std::string_view reason) {
  const std::lock_guard lock(mutex_);
  if (before) {
    --(*before ? thing.up_for : thing.down_for);
  }
  ++(up ? thing.up_for : thing.down_for);
  if (!up) {
    thing.reason = reason;
  }
  const uint64_t now = now_ms();
  if (judge(thing, now) || std::exchange(thing.awaited, true)) {
    return 0;
  }
  return thing.refilled_ms + refill_ms_ - now + 1;
}

bool StateLog::judge(Entry& thing, uint64_t now_ms) const {
  if (thing.up_for + thing.down_for == 0) {
    return true;  // it is as it was: those that are left have not said yet
  }
  const bool all = thing.watched.when == WatchedState::When::up_for_all;
  const bool now_up = thing.up_for > 0 && (!all || thing.down_for == 0);
  if (thing.up == now_up) {
    return true;
  }
  thing.up = now_up;
  ++thing.changes;
  refill(thing, now_ms);
  if (thing.lines > 0) {
    write(thing);
  }
  return thing.changes == 0;
}

void StateLog::tell(Entry& thing) {
  const std::lock_guard lock(mutex_);
  thing.awaited = false;
  refill(thing, now_ms());
  if (thing.changes > 0) {
    write(thing);
  }
}

void StateLog::refill(Entry& thing, uint64_t now_ms) const {
  const uint64_t periods = (now_ms - thing.refilled_ms) / refill_ms_;
  thing.refilled_ms += periods * refill_ms_;
  thing.lines = static_cast<uint32_t>(std::min<uint64_t>(thing.lines + periods, kBurst));
}

void StateLog::write(Entry& thing) const {
  if (thing.lines > 0) {
    --thing.lines;
  }
  std::vector<log::Field> fields;
  for (const auto& [name, value] : thing.watched.fields) {
    fields.emplace_back(name, value);
  }
  if (!*thing.up) {
    fields.emplace_back("reason", thing.reason);
  }
  if (thing.changes > 1) {
    fields.emplace_back("changes", thing.changes);
  }
  log::write(*thing.up ? log::Level::info : log::Level::warn,
             *thing.up ? thing.watched.up_event : thing.watched.down_event, log::FieldSpan(fields));
  thing.changes = 0;
}

StateReporter::StateReporter(uv_loop_t* loop, std::shared_ptr<StateLog> log,
                             const WatchedState& watched)
    : log_(std::move(log)),
      thing_(log_->join(watched)),
      timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)) {
  uv_unref(reinterpret_cast<uv_handle_t*>(timer_.get()));  // owes a line, not a reason to live
}

StateReporter::~StateReporter() { log_->leave(thing_, view_, awaited_); }

void StateReporter::set(bool up, std::string_view reason) {
  if (view_ == up) {
    return;
  }
  const uint64_t wait_ms = log_->update(thing_, view_, up, reason);
  view_ = up;
  if (wait_ms == 0) {
    return;
  }
  awaited_ = true;
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<StateReporter*>(timer->data)->on_timer(); },
      wait_ms, 0);
}

void StateReporter::on_timer() {
  awaited_ = false;
  log_->tell(thing_);
}

}  // namespace zerogate
