#include "tests/simulation/curve_client.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "core/wire/w5.h"
#include "core/wire/zerror.h"

namespace zerogate::simulation {

CurveClient::CurveClient(World& the_world, Ledger& the_ledger, std::string address,
                         std::string gateway, CurveIdentity identity)
    : world_(the_world),
      ledger_(the_ledger),
      address_(std::move(address)),
      gateway_(std::move(gateway)),
      identity_(std::move(identity)),
      next_id_(static_cast<uint32_t>(the_world.random.next())) {}

CurveClient::~CurveClient() { drop(); }

void CurveClient::connect() {
  drop();
  zmq_bus().connect(address_, gateway_, identity_.key,
                    [this, attempt = attempt_](const ZmqLinkPtr& link) {
                      if (link != nullptr && attempt == attempt_) {
                        attach(link);
                      } else if (link != nullptr) {
                        link->close();
                      }
                    });
}

void CurveClient::attach(const ZmqLinkPtr& link) {
  link_ = link;
  link->watch_after = 61 * kSecond + 30 * kSecond;  // of an idle client: ZmqListener::kKeepAliveS
  link->hooks = {.message = [this](const std::string& body) { take(body); },
                 .gone = [this] { on_gone(); },
                 .ready =
                     [this] {
                       ready_ = true;
                       world_.note("curve client connected");
                     }};
}

void CurveClient::drop() {
  ++attempt_;
  if (link_ != nullptr) {
    std::exchange(link_, nullptr)->close();
  }
  ready_ = false;
  sent_garbage_ = false;
  sent_ = 0;
  open_.clear();
}

void CurveClient::on_gone() {
  world_.note("curve client closed", open_.size());
  if (may_be_closed) {
    for (const auto& [id, call] : open_) {
      left_unanswered += static_cast<uint64_t>(!link_->paused() && call.order <= link_->arrived);
    }
  } else if (ready_) {
    ++ended_by_gateway;
  }
  drop();
}

uint32_t CurveClient::call(Function function, size_t bytes) {
  const uint32_t number = ledger_.begin(function, Wire::w5, identity_.name, bytes);
  const std::string id = fmt::format("{:016x}", next_id_++);
  std::string name(kFunctions[static_cast<size_t>(function)]);
  name.resize(wire::w5::kNameBytes, ' ');
  open_[id] = {number, ++sent_};
  link_->send(id + name + ledger_.at(number).argument);
  return number;
}

void CurveClient::take(const std::string& body) {
  const std::string id = body.substr(0, wire::w5::kIdBytes);
  if (body == std::string(wire::w5::kIdBytes, '\0')) {
    return;  // keeps quiet clients alive
  }
  const auto call = open_.find(id);
  if (call == open_.end()) {
    // What is shorter than an id is taken for one, and answered with an error.
    if (sent_garbage_ && wire::is_error_body(ByteView(body).substr(body.find_first_not_of('g')))) {
      return;
    }
    ledger_.strange_answer("over CURVE");
  }
  const uint32_t number = call->second.number;
  open_.erase(call);
  ledger_.answered(number, ByteView(body).substr(id.size()));
}

void CurveClient::disconnect() { drop(); }

void CurveClient::vanish() {
  if (link_ != nullptr) {
    world_.note("curve client vanishes");
    link_->hooks = {};
    link_->vanish();
    drop();
  }
}

void CurveClient::pause() {
  if (link_ != nullptr) {
    link_->set_paused(true);
    world_.in(world_.between(kMs, 3 * kSecond), [link = link_] { link->set_paused(false); });
  }
}

void CurveClient::send_garbage() {
  if (!connected()) {
    return;
  }
  ++sent_;
  if (world_.chance(3)) {
    return link_->send(std::vector<std::string>{"a", "b", "c"});
  }
  sent_garbage_ = true;
  link_->send(std::string(world_.between(0, wire::w5::kIdBytes - 1), 'g'));
}

void CurveClient::send_beginning() {
  if (connected()) {
    constexpr size_t kMoreThanAHandshake = 4'000;
    link_->send_beginning(kMoreThanAHandshake);
  }
}

}  // namespace zerogate::simulation
