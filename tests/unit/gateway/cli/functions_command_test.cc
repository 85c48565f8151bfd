#include "gateway/cli/functions_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "handlers/registry.h"

namespace zerogate {
namespace {

struct Note {
  std::string title;
  int32_t stars = 0;
  ZEROGATE_FIELDS(title)
  ZEROGATE_DEFAULTS(stars)
};

class FunctionsCommandTest : public ::testing::Test {
 protected:
  FunctionsCommandTest() {
    functions_.add("save", "Keeps a note.\nAt once.", [](Note note) { return note.title; });
    functions_.add("list", "", [] { return std::vector<Note>(); });
    use_functions(&functions_);
  }
  ~FunctionsCommandTest() override { use_functions(nullptr); }

  int run(const FunctionsCommand& command, const std::string& routes = "") {
    const Environment::Variables variables = {
        {"ZEROGATE_BACKENDS", "{b: {url: ['tcp://h:1', 'tcp://h:2']}, c: {url: 'zmq://h:3'}}"},
        {"ZEROGATE_ROUTES", routes}};
    return run_functions(command, functions_,
                         routes.empty() ? Environment() : Environment(variables), out_, err_);
  }

  Functions functions_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(FunctionsCommandTest, ATableOfNamesTypesAndPlaces) {
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(out_.str(),
            "FUNCTION              ANSWERED  WHAT IT DOES\n"
            "save(Note) -> str     here      Keeps a note.\n"
            "list() -> list[Note]  here\n");
}

TEST_F(FunctionsCommandTest, WhoAnswersFollowsFromHandlersAndTheFirstMatchingRoute) {
  const std::string routes = "[{functions: [s*], backend: c}, {functions: ['save*'], backend: b}]";
  EXPECT_EQ(run({.config_file = "", .flags = {{"handlers", "off"}}}, routes), 0) << err_.str();
  EXPECT_EQ(out_.str(),
            "FUNCTION              ANSWERED      WHAT IT DOES\n"
            "save(Note) -> str     by backend c  Keeps a note.\n"
            "list() -> list[Note]  not at all\n"
            "s*                    by backend c  zmq://h:3\n"
            "save*                 by backend b  tcp://h:1, tcp://h:2\n");
}

TEST_F(FunctionsCommandTest, AsJsonWithTheFieldsOfStructs) {
  EXPECT_EQ(run({.config_file = "", .flags = {}, .as_json = true}), 0);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["functions"][0], nlohmann::json::parse(R"({
      "name": "save", "argument": "Note", "result": "str", "doc": "Keeps a note.\nAt once.",
      "here": true, "backend": null})"));
  EXPECT_EQ(json["functions"][1]["argument"], nullptr);
  EXPECT_EQ(json["classes"], nlohmann::json::parse(R"([{"name": "Note", "kind": "struct",
      "members": [{"name": "title", "type": "str", "required": true},
                  {"name": "stars", "type": "int", "required": false}]}])"));
  EXPECT_EQ(json["routes"], nlohmann::json::array());
}

TEST_F(FunctionsCommandTest, AConfigurationThatServeWouldRefuseIsAnError) {
  EXPECT_EQ(run({.config_file = "", .flags = {{"threads", "many"}}}), 2);
  EXPECT_THAT(err_.str(), ::testing::HasSubstr("--threads"));
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace zerogate
