#include "core/sdk/contract_service.h"

#include "tests/unit/core/sdk/functions_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Keeps the calls for a contract.
struct ContractBackend final : Service {
  void serve(const Request& request, Call the_call) override {
    function = request.function;
    argument = request.argument;
    hops = request.hops;
    call = std::move(the_call);
  }
  void answer(std::string_view code) {
    std::string bytes;
    encode(std::string(code), bytes);
    std::move(call).reply(bytes);
  }
  std::string function;
  std::string argument;
  uint8_t hops = 0;
  Call call;
};

struct PlayedSources final : sdk::ContractSources {
  Service* find_service(std::string_view name) override { return &played.at(std::string(name)); }
  std::shared_ptr<const sdk::Contract> contract() override { return here; }
  std::vector<std::string> backends() override { return names; }
  bool leads_to(std::string_view backend, std::string_view function) override {
    return routes.at(std::string(function)) == backend;
  }

  std::shared_ptr<const sdk::Contract> here;
  std::map<std::string, ContractBackend> played;
  std::vector<std::string> names;
  std::map<std::string, std::string> routes;
};

class ContractServiceTest : public FunctionsTest {
 protected:
  ContractServiceTest() {
    functions_.add("here", "", [] { return 1; });
    const FunctionInfo& info = functions_.all().front();
    sources_.here = std::make_shared<const sdk::Contract>(
        std::vector<sdk::Contract::Function>{{info.name, info.doc, info.contract}});
    services_["get_rpc_contract"] = std::make_unique<sdk::ContractService>(*runtime_, sources_);
  }
  ~ContractServiceTest() override {
    runtime_->fail_all();
    sources_.played.clear();
  }

  void behind(std::vector<std::string> names) {
    for (const std::string& name : names) {
      sources_.played[name];
    }
    sources_.names = std::move(names);
  }
  void ask(const std::string& protocol = "zmq", bool is_async = false) {
    call("get_rpc_contract", std::make_tuple(std::string("h"), 1, protocol, is_async));
  }
  std::string code() {
    runtime_->inner_calls().end_of_turn();
    return answers() == 0 ? "" : answer<std::string>();
  }
  static std::string client_with(const std::string& function) {
    return "class RpcClient:\n    def __init__(self, zero_client: ZeroClient):\n"
           "        self._zero_client = zero_client\n\n    def " +
           function + "(self) -> int:\n        return self._zero_client.call(\"" + function +
           "\", None)\n";
  }

  PlayedSources sources_;
};

TEST_F(ContractServiceTest, WithoutBackendsItAnswersAtOnce) {
  ask();
  EXPECT_THAT(code(), HasSubstr("    def here(self) -> int:\n"));
}

TEST_F(ContractServiceTest, BackendsAreAskedAtTheSameTimeAndStandInTheRoutesOrder) {
  behind({"first", "second"});
  sources_.routes = {{"a", "first"}, {"b", "second"}};
  ask();
  EXPECT_EQ(sources_.played["first"].function, "get_rpc_contract");
  std::string argument;
  encode(std::make_tuple(std::string("h"), 1, std::string("zmq"), false), argument);
  EXPECT_EQ(sources_.played["second"].argument, argument);
  sources_.played["second"].answer(client_with("b"));
  EXPECT_EQ(code(), "");
  sources_.played["first"].answer(client_with("a"));
  const std::string text = code();
  EXPECT_LT(text.find("def here("), text.find("def a("));
  EXPECT_LT(text.find("def a("), text.find("def b("));
  EXPECT_NE(text.find("def b("), std::string::npos);
}

TEST_F(ContractServiceTest, AFunctionThatTheRoutesSendElsewhereIsLeftOut) {
  behind({"first"});
  sources_.routes = {{"a", "another"}};
  ask();
  sources_.played["first"].answer(client_with("a"));
  EXPECT_THAT(code(), Not(HasSubstr("def a(")));
}

TEST_F(ContractServiceTest, ABackendThatFailsIsLeftOutWithANoteOnOneLine) {
  behind({"first", "second"});
  sources_.routes = {{"a", "second"}};
  ask();
  std::move(sources_.played["first"].call).fail(Outcome::timeout, "late\nimport os");
  sources_.played["second"].answer(client_with("a"));
  const std::string text = code();
  EXPECT_THAT(text, HasSubstr("\n# Note: the functions of backend 'first' are missing: "));
  EXPECT_THAT(text, Not(HasSubstr("\nimport os")));
  EXPECT_THAT(text, HasSubstr("def here("));
  EXPECT_THAT(text, HasSubstr("def a("));
}

TEST_F(ContractServiceTest, WhatIsNoClientIsLeftOutWithANote) {
  behind({"first"});
  ask();
  sources_.played["first"].answer("<html>");
  EXPECT_THAT(code(), HasSubstr("are missing: 'its contract is none of Zero's, or too large'"));
}

TEST_F(ContractServiceTest, MethodsOfAnOldServerAreMadeAsynchronous) {
  behind({"first"});
  sources_.routes = {{"a", "first"}};
  ask("tcp");
  sources_.played["first"].answer(client_with("a"));
  EXPECT_THAT(code(), HasSubstr("    async def a(self) -> int:\n        return await self."));
}

TEST_F(ContractServiceTest, HopsAreCounted) {
  behind({"first"});
  std::string argument;
  encode(std::make_tuple(std::string("h"), 1), argument);
  const ReturnPath path = {&sink_, {7, 3}, Wire::t3, RequestId("0001")};
  services_["get_rpc_contract"]->serve(
      {.function = "get_rpc_contract", .argument = argument, .hops = 3},
      calls_.begin(path, labels_.other(), clock_.now_ns()));
  EXPECT_EQ(sources_.played["first"].hops, 3);
}

TEST_F(ContractServiceTest, AWrongArgumentIsTheCallersFault) {
  call("get_rpc_contract", 5);
  EXPECT_EQ(answer_bytes(), error("Expected `array`, got `int`", wire::ErrorKey::validation_error));
}

}  // namespace
}  // namespace zerogate::testing
