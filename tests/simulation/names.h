// The name server of a simulated run.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/io/name_service.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {

class Names {
 public:
  explicit Names(World& the_world) : world_(the_world) {}

  /// Of a name that has no answer every look-up hangs.
  std::map<std::string, NameAnswer> answers;
  uint64_t latency = kMs;

  void has(const std::string& name, std::vector<std::string> addresses) {
    answers[name] = {NameAnswer::Kind::found, std::move(addresses), {}};
  }
  void has_no(const std::string& name) {
    answers[name] = {NameAnswer::Kind::no_such_name, {}, "no such name"};
  }
  void fails(const std::string& name) {
    answers[name] = {NameAnswer::Kind::failed, {}, "the name server has failed"};
  }
  void hangs(const std::string& name) { answers.erase(name); }

  void ask(const std::string& host, NameService::Asker& asker) {
    asking_.push_back(&asker);
    world_.in(1 + world_.random.below(latency), [this, host, who = &asker] { answer(host, who); });
  }
  void forget(NameService::Asker& asker) { std::erase(asking_, &asker); }

 private:
  static constexpr uint64_t kAskAgain = 2 * kSecond;  ///< as glibc does

  void answer(const std::string& host, NameService::Asker* who) {
    if (std::ranges::find(asking_, who) == asking_.end()) {
      return;
    }
    const auto found = answers.find(host);
    if (found == answers.end()) {
      world_.in(kAskAgain, [this, host, who] { answer(host, who); });
      return;
    }
    std::erase(asking_, who);
    who->on_answer(std::make_shared<const NameAnswer>(found->second));
  }

  World& world_;
  std::vector<NameService::Asker*> asking_;
};

Names& names();
void set_names(Names* names);

}  // namespace zerogate::simulation
