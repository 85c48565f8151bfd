#include "core/bridge/backend_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/bridge/backend_options.h"
#include "core/bridge/request_memory.h"
#include "core/rpc/connect_service.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/zerror.h"

namespace zerogate {

static_assert(BackendOptions::kMaxInFlight <= BackendConnection::kMaxLoad);

BackendConnection::BackendConnection(TimerQueue& timers, Owner& owner,
                                     const BackendConnectionOptions& options)
    : owner_(owner), options_(options), deadline_(timers, [this] { fail(late_reason_); }) {
  deadline_.start(options.connect_timeout_ms);
}

BackendConnection::~BackendConnection() {
  forget([](const Slot&) { return true; });
}

void BackendConnection::fail_soon(std::string reason) {
  late_reason_ = std::move(reason);
  deadline_.start(0);
}

uint32_t BackendConnection::take_slot(ForwardedCall& forwarded) {
  assert(up() && load() < kMaxLoad);
  const SlotKey key = slots_.take();
  Slot& slot = slots_[key.slot];
  slot.forwarded = &forwarded;
  slot.order = sent_++;
  forwarded.slot = key.slot;
  return key.generation << kSlotBits | key.slot;
}

void BackendConnection::complete(uint32_t id, const Slot& slot, ByteView body) {
  ForwardedCall* forwarded = slot.forwarded;
  if (slot.order != next_) {
    out_of_order_ = true;
  }
  if (!is_overtaken(slot)) {
    next_ = slot.order + 1;
  }
  release(key_of(id).slot);
  if (forwarded == nullptr) {
    owner_.on_late_reply(*this);
  } else {
    owner_.on_reply(*this, *forwarded, body);
  }
}

void BackendConnection::complete_unusable(uint32_t id, const Slot& slot, size_t reply_bytes,
                                          wire::ValueStatus status) {
  std::string message;
  if (reply_bytes > options_.max_message) {
    message = fmt::format("backend '{}' sent a reply of {} bytes, limit {} (limits.message)",
                          options_.backend, reply_bytes, options_.max_message);
  } else if (status == wire::ValueStatus::too_deep) {
    message = fmt::format("backend '{}' sent a reply that is nested deeper than {} levels",
                          options_.backend, wire::kMaxDepth);
  } else {
    message = fmt::format("backend '{}' sent a reply of {} bytes that is not one MessagePack value",
                          options_.backend, reply_bytes);
  }
  std::string error;
  wire::write_error(error, wire::ErrorKey::server_exception, message);
  complete(id, slot, error);
}

void BackendConnection::release(uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.given_up_ms != 0) {
    --given_up_;
    options_.requests->remove(slot.request_bytes);
  }
  slot = {};
  slots_.release(index);
}

template <class Which>
uint32_t BackendConnection::forget(Which which) {
  const uint32_t before = load();
  slots_.for_each([&](uint32_t index, const Slot& slot) {
    if (slot.given_up_ms != 0 && which(slot)) {
      release(index);
    }
  });
  return before - load();
}

bool BackendConnection::overdue(uint64_t until_ms) const {
  bool any = false;
  slots_.for_each([&](uint32_t, const Slot& slot) {
    any |= slot.given_up_ms != 0 && slot.given_up_ms <= until_ms;
  });
  return any && heard_ms_ <= until_ms;
}

uint32_t BackendConnection::forget_given_up(uint64_t until_ms) {
  if (heard_ms_ > until_ms) {
    return 0;
  }
  return forget([until_ms](const Slot& slot) { return slot.given_up_ms <= until_ms; });
}

uint32_t BackendConnection::forget_overtaken() {
  return forget([this](const Slot& slot) { return is_overtaken(slot); });
}

void BackendConnection::give_up(ForwardedCall& forwarded, uint64_t now_ms) {
  Slot& slot = slots_[forwarded.slot];
  assert(slot.forwarded == &forwarded);
  slot.forwarded = nullptr;
  slot.given_up_ms = std::max<uint64_t>(now_ms, 1);
  slot.request_bytes = forwarded.request.size();
  options_.requests->add(slot.request_bytes);
  ++given_up_;
  forwarded.connection = nullptr;
  on_given_up();
}

std::vector<ForwardedCall*> BackendConnection::take_all() {
  std::vector<ForwardedCall*> taken;
  slots_.for_each([&](uint32_t, Slot& slot) {
    if (slot.forwarded != nullptr) {
      taken.push_back(std::exchange(slot.forwarded, nullptr));
    }
  });
  const auto age = [this](const ForwardedCall* call) { return sent_ - slots_[call->slot].order; };
  std::ranges::sort(taken, [&](auto* a, auto* b) { return age(a) > age(b); });
  return taken;
}

void BackendConnection::on_probe_answer(ByteView body) {
  if (state_ != State::connecting) {
    return;
  }
  ByteView text;
  wire::Reader reader(body);
  if (reader.read_str(text) && text == ConnectService::kAnswer && reader.at_end()) {
    deadline_.stop();
    state_ = State::up;
    out_of_order_ = body == ConnectService::kGatewayAnswer;
    return owner_.on_up(*this);
  }
  if (body.find(ConnectService::kSelf) != ByteView::npos) {
    return fail(ConnectService::kSelf);
  }
  fail(wire::is_error_body(body)
           ? "it answers `connect` with an error"
           : "it answers `connect` with something else than Zero's servers do");
}

void BackendConnection::went_down(std::string_view reason) {
  deadline_.stop();
  if (state_ == State::down) {
    return;
  }
  state_ = State::down;
  owner_.on_down(*this, reason);
}

}  // namespace zerogate
