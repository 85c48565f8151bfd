#include "tests/simulation/zmq_server.h"

#include <utility>

#include "core/wire/msgpack_write.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"

namespace zerogate::simulation {

ZmqServer::ZmqServer(World& the_world, Network& the_network, Ledger& the_ledger,
                     std::string address)
    : world_(the_world), network_(the_network), ledger_(the_ledger), address_(std::move(address)) {}

void ZmqServer::start() {
  if (!std::exchange(listening_, true)) {
    zmq_bus().listen(address_, [this](const ZmqLinkPtr& link) { accept(link); });
  }
}

void ZmqServer::stop() {
  if (std::exchange(listening_, false)) {
    zmq_bus().stop_listening(address_);
  }
  for (const ZmqLinkPtr& link : std::exchange(links_, {})) {
    link->close();
  }
}

void ZmqServer::heal() {
  faults = {};
  network_.vanish(address_, false);
  start();
}

void ZmqServer::reset_one() {
  if (!links_.empty()) {
    links_.front()->close();
    links_.pop_front();
  }
}

void ZmqServer::vanish_one() {
  if (!links_.empty()) {
    links_.front()->hooks = {};
    links_.front()->vanish();
    links_.pop_front();
  }
}

void ZmqServer::accept(const ZmqLinkPtr& link) {
  link->hooks = {.message = [this, weak = std::weak_ptr(link)](
                                const std::string& body) { take(weak.lock(), body); },
                 .gone =
                     [this, raw = link.get()] {
                       std::erase_if(links_, [raw](const auto& l) { return l.get() == raw; });
                     }};
  links_.push_back(link);
}

void ZmqServer::take(const ZmqLinkPtr& link, const std::string& body) {
  // `connect` comes unpadded, as real clients send it.
  const wire::w5::Request request = wire::w5::parse_request(body);
  std::string result;
  if (request.function == "connect") {
    wire::write_str(result, "connected");
  } else {
    const uint32_t number = ledger_.executed(request.function, request.argument);
    world_.note("executed", number);
    result = ledger_.result_of(number, address_);
    if (world_.chance(faults.error_one_in)) {
      result.clear();
      wire::write_error(result, wire::ErrorKey::server_exception, "the function failed");
    }
  }
  if (faults.silent || world_.chance(faults.never_one_in)) {
    return;
  }
  world_.in(world_.between(faults.service_least, faults.service_most),
            [this, link, id = std::string(request.id), result = std::move(result)] {
              if (link->alive()) {
                answer(link, id, result);
              }
            });
}

void ZmqServer::answer(const ZmqLinkPtr& link, std::string id, const std::string& result) {
  if (world_.chance(faults.garbage_one_in)) {
    std::string garbage;
    for (uint64_t left = world_.between(0, 40); left > 0; --left) {
      garbage += static_cast<char>(world_.random.next());
    }
    link->send(std::move(garbage));
  }
  if (world_.chance(faults.wrong_id_one_in)) {
    id.back() ^= '\x80';  // a generation that no slot gets to in a simulated run
  }
  link->send(id + result);
  if (world_.chance(faults.twice_one_in)) {
    link->send(id + result);
  }
}

}  // namespace zerogate::simulation
