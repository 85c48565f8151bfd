// A name server that says what a test says: no thread, no socket, no waiting.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/io/name_lookup.h"

namespace zerogate::testing {

class FakeNameServer final : public NameLookupMaker {
 public:
  std::unique_ptr<NameLookup> make(NameLookup::Done done) override {
    return std::make_unique<Lookup>(*this, std::move(done));
  }

  /// Of a name that nothing was said of, every look-up hangs.
  void has(const std::string& name, std::vector<std::string> addresses) {
    answers_[name] = {NameAnswer::Kind::found, std::move(addresses), {}};
  }
  void has_no(const std::string& name) {
    answers_[name] = {NameAnswer::Kind::no_such_name, {}, "no such name"};
  }
  void fails(const std::string& name) {
    answers_[name] = {NameAnswer::Kind::failed, {}, "the name server has failed"};
  }
  void hangs(const std::string& name) { answers_.erase(name); }

  /// Answers what was asked.
  void step() {
    for (Lookup* lookup : std::vector<Lookup*>(lookups_)) {
      lookup->step();
    }
  }

  int asked = 0;
  uint64_t max_age_ms = UINT64_MAX;  ///< of the newest question

 private:
  class Lookup final : public NameLookup {
   public:
    Lookup(FakeNameServer& server, Done done) : server_(server), done_(std::move(done)) {
      server_.lookups_.push_back(this);
    }
    ~Lookup() override { std::erase(server_.lookups_, this); }
    bool running() const override { return !host_.empty(); }
    void start(const std::string& host, uint64_t max_age) override {
      host_ = host;
      server_.max_age_ms = max_age;
      ++server_.asked;
    }
    void step() {
      const auto answer = server_.answers_.find(host_);
      if (answer != server_.answers_.end()) {
        host_.clear();
        done_(answer->second);
      }
    }

   private:
    FakeNameServer& server_;
    const Done done_;
    std::string host_;  ///< that is being looked up
  };

  std::map<std::string, NameAnswer> answers_;
  std::vector<Lookup*> lookups_;
};

}  // namespace zerogate::testing
