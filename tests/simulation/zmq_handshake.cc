// How a client comes to a ROUTER of the gateway's: it is accepted, CURVE's handshake follows, and
// the gateway's ZapHandler judges the key.
#include <zmq.h>

#include <algorithm>
#include <string>
#include <utility>

#include "tests/simulation/descriptors.h"
#include "tests/simulation/fake_zmq_state.h"
#include "tests/simulation/world.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::simulation {
namespace {

constexpr uint64_t kAgain = 100 * kMs;  ///< a client's libzmq tries again (ZMQ_RECONNECT_IVL)
constexpr int kTries = 20;
constexpr uint64_t kHandshakeMost = 5 * kSecond;  ///< ZMQ_HANDSHAKE_IVL
// Bytes: of RFC 23, and RFC 26 with the metadata of libzmq's DEALER and ROUTER.
constexpr uint64_t kGreeting = 64;
constexpr uint64_t kHello = 202;
constexpr uint64_t kWelcome = 170;
constexpr uint64_t kInitiate = 400;
constexpr uint64_t kReady = 67;
constexpr uint64_t kError = 12;
constexpr size_t kVerdictId = 1;
constexpr size_t kVerdictCode = 2;
constexpr size_t kVerdictUser = 4;

std::string text_of(const ZmqFramePtr& frame) { return {frame->bytes(), frame->length()}; }

}  // namespace

void ZmqBus::connect(const std::string& from, const std::string& to, const std::string& key,
                     const Accept& done) {
  const auto attempt = std::make_shared<std::function<void(int)>>();
  *attempt = [this, from, to, key, done, weak = std::weak_ptr(attempt)](int left) {
    if (accept(from, to, key, done)) {
      return;
    }
    if (left > 0) {
      world().in(kAgain, [again = weak.lock(), left] { (*again)(left - 1); });
    } else {
      done(nullptr);
    }
  };
  world().in(network().latency(), [attempt] { (*attempt)(kTries); });
}

bool ZmqBus::accept(const std::string& from, const std::string& to, const std::string& key,
                    const Accept& done) {
  const auto router = routers.find(to);
  const auto* port = router == routers.end() ? nullptr : descriptors().find(router->second->use_fd);
  if (port == nullptr || port->listening->holds_newcomers) {
    return false;
  }
  const auto link = std::make_shared<ZmqLink>();
  link->fd = descriptors().open({.link = link});
  if (link->fd < 0) {
    router->second->tell(ZMQ_EVENT_ACCEPT_FAILED, -link->fd);
    return false;
  }
  link->socket = router->second;
  link->address = from;
  const uint32_t number = ++next_identity;
  link->identity.assign(1, '\0').append(reinterpret_cast<const char*>(&number), sizeof number);
  link->shaking = true;
  router->second->links.push_back(link);
  router->second->tell(ZMQ_EVENT_ACCEPTED, link->fd);
  ++traffic.accepted;
  done(link);
  shake_hands(link, key);
  return true;
}

void ZmqBus::shake_hands(const ZmqLinkPtr& link, const std::string& key) {
  link->received = link->written = kGreeting;
  world().in(kHandshakeMost, [link] {
    if (link->shaking) {
      link->failure = EAGAIN;
      link->end(true);
    }
  });
  if (key.empty()) {
    return;
  }
  const auto goes_on = [link] { return link->alive() && !link->vanished(); };
  world().in(2 * network().latency(), [this, link, key, goes_on] {
    if (!goes_on()) {
      return;
    }
    link->received += kHello;
    link->written += kWelcome;
    world().in(2 * network().latency(), [this, link, key, goes_on] {
      if (goes_on()) {
        link->received += kInitiate;
        ask_zap(link, key);
      }
    });
  });
}

void ZmqBus::ask_zap(const ZmqLinkPtr& link, const std::string& key) {
  if (zap == nullptr) {
    return;
  }
  const std::string id = std::to_string(++next_question_);
  asked_[id] = link;
  const std::string ip = link->address.substr(0, link->address.rfind(':'));
  ZmqMessageFrames question;
  for (const std::string& part : {std::string("1.0"), id, std::string("global"), ip, std::string(),
                                  std::string("CURVE"), key}) {
    question.push_back(std::make_unique<ZmqFrame>(part));
  }
  zap->links.front()->push(std::move(question));
}

void ZmqBus::on_verdict(const ZmqMessageFrames& verdict) {
  const auto node = asked_.extract(text_of(verdict.at(kVerdictId)));
  const ZmqLinkPtr link = node.empty() ? nullptr : node.mapped().lock();
  if (link == nullptr) {
    return;
  }
  const bool welcome = text_of(verdict.at(kVerdictCode)) == "200";
  // libzmq's own thread goes on.
  world().in(network().latency(), [link, welcome, user = text_of(verdict.at(kVerdictUser))] {
    if (!link->alive() || link->socket == nullptr) {
      return;
    }
    link->shaking = false;
    link->written += welcome ? kReady : kError;
    if (!welcome) {
      link->socket->tell(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
      return link->end(true);
    }
    link->user = user;
    link->socket->tell(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    world().in(network().latency(), [link] {
      if (link->alive() && !link->vanished()) {
        link->hooks.ready();
      }
    });
  });
}

size_t ZmqBus::connections(const std::string& router) const {
  const auto found = routers.find(router);
  return found == routers.end()
             ? 0
             : static_cast<size_t>(std::ranges::count_if(
                   found->second->links, [](const ZmqLinkPtr& link) { return link->alive(); }));
}

void ZmqBus::linger() {
  const auto busy = [](const ZmqLinkPtr& link) { return link->busy(); };
  while (std::ranges::any_of(lingering, busy) && world().next() <= lingers_until) {
    world().step();
  }
  for (const ZmqLinkPtr& link : std::exchange(lingering, {})) {
    link->end(true);
  }
}

}  // namespace zerogate::simulation
