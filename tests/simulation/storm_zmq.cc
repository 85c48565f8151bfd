// The storm at the ports that speak ZeroMQ: the plain one, and that with CURVE.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/io/zmq_curve.h"
#include "tests/simulation/storm.h"

namespace zerogate::simulation {
namespace {

constexpr size_t kKeys = 4;
constexpr size_t kKeyBytes = 32;

CurveIdentity identity(size_t number) {
  return {fmt::format("{}.curve", number), std::string(kKeyBytes, static_cast<char>(1 + number))};
}

bool stays(size_t number) { return number % 2 == 0; }

}  // namespace

void Storm::call_over_zmq() {
  ZmqClient& client = *zmq_clients_[world_.random.below(zmq_clients_.size())];
  if (client.connected()) {
    client.call(any_function(), world_.random.below(plan_.largest_argument));
  } else if (world_.chance(3)) {
    client.connect();
  }
}

template <class Client>
void Storm::befall(Client& client, Fault fault) {
  switch (fault) {
    case Fault::client_reset:
      return client.disconnect();
    case Fault::client_half_close:
      return client.pause();
    case Fault::client_vanish:
      return client.vanish();
    case Fault::client_garbage:
      return client.send_garbage();
    default:
      break;
  }
  flood(client);
}

void Storm::befall_zmq_client(Fault fault) {
  befall(*zmq_clients_[world_.random.below(zmq_clients_.size())], fault);
}

void Storm::make_curve_clients() {
  for (size_t left = world_.between(1, kKeys); left > 0; --left) {
    curve_clients_.push_back(make_curve_client(curve_clients_.size()));
  }
  let_in(true);
}

std::unique_ptr<CurveClient> Storm::make_curve_client(size_t number) {
  return std::make_unique<CurveClient>(world_, ledger_, fmt::format("10.8.2.{}:4000", number + 1),
                                       kGatewayCurve, identity(number));
}

// What may not call was not executed; what waits from now on may be.
void Storm::let_in(bool all) {
  for (const uint32_t number : std::exchange(unwelcome_, {})) {
    const CallRecord& call = ledger_.at(number);
    if (call.executions != 0 || call.ok) {
      violated(fmt::format("{} was served under a key that a reload had taken out", call.caller));
    }
  }
  all_let_in_ = all;
  CurveClientKeys keys{.folder = "keys"};
  for (size_t number = 0; number < kKeys; ++number) {
    if (all || stays(number)) {
      const CurveIdentity one = identity(number);
      keys.names[curve_text(one.key)] = one.name;
    }
  }
  plan_.worker.curve.clients->set(std::move(keys));
}

void Storm::call_over_curve() {
  const size_t number = world_.random.below(curve_clients_.size());
  CurveClient& client = *curve_clients_[number];
  if (!client.connected()) {
    if (world_.chance(3)) {
      client.connect();
    }
    return;
  }
  const uint32_t call = client.call(any_function(), world_.random.below(plan_.largest_argument));
  if (!all_let_in_ && !stays(number)) {
    unwelcome_.push_back(call);
  }
}

void Storm::befall_curve_client(Fault fault) {
  CurveClient& client = *curve_clients_[world_.random.below(curve_clients_.size())];
  const uint64_t kind = fault == Fault::client_garbage ? world_.random.below(3) : 2;
  if (kind == 0) {
    return let_curve_strangers_knock();
  }
  if (kind == 1) {
    return client.send_beginning();
  }
  befall(client, fault);
}

// One has a key that nobody knows, one says nothing after its greeting.
void Storm::let_curve_strangers_knock() {
  for (const std::string& key : {std::string(kKeyBytes, 'x'), std::string()}) {
    curve_strangers_.push_back(std::make_unique<CurveClient>(
        world_, ledger_, fmt::format("10.8.4.{}:4000", curve_strangers_.size()), kGatewayCurve,
        CurveIdentity{kStranger, key}));
    CurveClient& stranger = *curve_strangers_.back();
    stranger.connect();
    world_.in(kSecond, [this, &stranger] {
      if (phase_ == Phase::storm && stranger.connected()) {
        stranger.call(any_function(), 10);
      }
    });
  }
}

}  // namespace zerogate::simulation
