#include "core/rpc/access_log.h"

#include <uv.h>

#include <cmath>
#include <iterator>
#include <span>

#include "core/base/clock.h"
#include "core/log/log.h"

namespace zerogate {
void AccessLogSettings::set(double share, uint32_t slow_ms) {
  share_ = static_cast<uint64_t>(std::llround(share * static_cast<double>(kAll)));
  slow_ns_ = slow_ms == 0 ? UINT64_MAX : slow_ms * kNsPerMs;
}

AccessLog::AccessLog(const AccessLogSettings& settings, const FunctionLabels& labels)
    : settings_(settings), labels_(labels), random_(uv_hrtime()) {
  refresh();
}

void AccessLog::write(const AnsweredCall& call, uint64_t duration_ns, std::string_view name) {
  const bool slow = duration_ns >= slow_ns_;
  const log::Level level = slow ? log::Level::warn : log::Level::info;
  if (level < log::level()) {
    return;
  }
  if (slow && !may_write_slow(call.received_ns + duration_ns)) {
    return;
  }
  // Named, each of them: a Field only points at its value.
  const std::string_view function = name.empty() ? labels_.name(call.function) : name;
  const std::string_view protocol = name_of(protocol_of(call.wire));
  const std::string_view wire = name_of(call.wire);
  const std::string_view outcome = name_of(call.outcome);
  const uint64_t duration_us = duration_ns / 1'000;  // the line tells no more digits
  const double duration_ms = static_cast<double>(duration_us) / 1'000;
  const std::string peer = call.sink->peer(call.caller);
  const Caller& caller = call.sink->caller(call.caller);
  log::Field fields[] = {{"function", function},
                         {"protocol", protocol},
                         {"wire", wire},
                         {"outcome", outcome},
                         {"duration_ms", duration_ms},
                         {"request_bytes", call.request_bytes},
                         {"reply_bytes", call.reply_bytes},
                         {"peer", peer},
                         {"caller", caller.name},
                         {"left_out", left_out_}};
  const bool tell_left_out = slow && left_out_ > 0;
  size_t count = std::size(fields) - 1;
  if (!caller.proven) {  // its address says as much
    fields[count - 1] = fields[count];
    --count;
  }
  log::write_bulk(level, slow ? "slow call" : "call",
                  std::span(fields).first(tell_left_out ? count + 1 : count));
  if (tell_left_out) {
    left_out_ = 0;
  }
}

bool AccessLog::may_write_slow(uint64_t now_ns) {
  if (now_ns - second_began_ns_ >= kNsPerSecond) {
    second_began_ns_ = now_ns;
    slow_lines_ = 0;
  }
  if (slow_lines_ < kSlowPerSecond) {
    ++slow_lines_;
    return true;
  }
  ++left_out_;
  log::count_dropped();
  return false;
}

}  // namespace zerogate
