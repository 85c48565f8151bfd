#include "core/rpc/router.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>
#include <vector>

namespace zerogate {
namespace {

struct Nothing final : Service {
  void serve(const Request&, Call) override {}
};

TEST(RouterTest, FindsWhatWasAddedWithItsLabel) {
  const FunctionLabels labels({"one", "two"});
  Router router(labels);
  Nothing one, two;
  router.add("two", two);
  router.add("one", one);
  EXPECT_EQ(router.find("one").service, &one);
  EXPECT_EQ(router.find("one").label, labels.find("one"));
  EXPECT_EQ(router.find("two").service, &two);
  EXPECT_EQ(router.find("two").label, labels.find("two"));
}

TEST(RouterTest, AnythingElseIsNotFound) {
  const FunctionLabels labels({"one"});
  Router router(labels);
  EXPECT_EQ(router.find("one").service, nullptr);
  Nothing one;
  router.add("one", one);
  for (const ByteView name : {ByteView(), ByteView("on"), ByteView("one "), ByteView("ONE"),
                              ByteView("one\0", 4), ByteView("_other")}) {
    EXPECT_EQ(router.find(name).service, nullptr) << name;
    EXPECT_EQ(router.find(name).label, labels.other());
  }
}

TEST(RouterTest, ANameIsFoundInTheMiddleOfOtherBytes) {
  const FunctionLabels labels({"one"});
  Router router(labels);
  Nothing one;
  router.add("one", one);
  EXPECT_EQ(router.find(ByteView("xxoneyy").substr(2, 3)).service, &one);
}

TEST(RouterTest, TheLastServiceOfANameWins) {
  const FunctionLabels labels({"one"});
  Router router(labels);
  Nothing first, second;
  router.add("one", first);
  router.add("one", second);
  EXPECT_EQ(router.find("one").service, &second);
}

TEST(RouterTest, AFunctionWithoutALabelOfItsOwnIsOther) {
  std::vector<std::string> names;
  for (size_t i = 0; i <= FunctionLabels::kMaxNames; ++i) {
    names.push_back(fmt::format("f{}", i));
  }
  const FunctionLabels labels(names);
  Router router(labels);
  Nothing service;
  for (const std::string& name : names) {
    router.add(name, service);
  }
  EXPECT_EQ(router.find(names.front()).label, 0u);
  EXPECT_EQ(router.find(names.back()).service, &service) << "served all the same";
  EXPECT_EQ(router.find(names.back()).label, labels.other());
}

TEST(RouterTest, NamesComeBeforeGlobsAndTheFirstGlobWins) {
  const FunctionLabels labels({"save_order", "save_all"});
  Router router(labels);
  Nothing name, first, second;
  router.add_glob("save_*", first);
  router.add_glob("*", second);
  router.add("save_order", name);
  router.add_glob("save_all", name);  // an earlier glob matches it
  EXPECT_EQ(router.find("save_order").service, &name);
  EXPECT_EQ(router.find("save_all").service, &first);
  EXPECT_EQ(router.find("save_all").label, labels.find("save_all"));
  EXPECT_EQ(router.find("save_other").service, &first);
  EXPECT_EQ(router.find("save_other").label, labels.other());
  EXPECT_EQ(router.find("get_order").service, &second);
}

TEST(RouterTest, AGlobThatIsAPlainNameIsFoundWhenNoEarlierOneMatches) {
  const FunctionLabels labels({"one"});
  Router router(labels);
  Nothing one, rest;
  router.add_glob("one", one);
  router.add_glob("o*", rest);
  EXPECT_EQ(router.find("one").service, &one);
  EXPECT_EQ(router.find("on").service, &rest);
  EXPECT_EQ(router.find("two").service, nullptr);
}

TEST(RouterTest, ALocalFunctionComesBeforeARoutesPlainName) {
  const FunctionLabels labels({"one"});
  Router router(labels);
  Nothing local, remote;
  router.add("one", local);
  router.add_glob("one", remote);
  EXPECT_EQ(router.find("one").service, &local);
}

// What a glob has answered is remembered, but not before the function has its label.
TEST(RouterTest, AFunctionBehindAGlobGetsTheLabelThatIsLearnt) {
  FunctionLabels labels({"one"});
  Router router(labels);
  Nothing all;
  router.add_glob("*", all);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(router.find("two").service, &all);
    EXPECT_EQ(router.find("two").label, FunctionLabels::other());
  }
  const auto learnt = labels.learn("two");
  ASSERT_TRUE(learnt);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(router.find("two").service, &all);
    EXPECT_EQ(router.find("two").label, *learnt);
    EXPECT_EQ(router.find("one").label, labels.find("one"));
  }
}

TEST(RouterTest, AForgottenLabelIsCountedAsOtherAndLearntAnew) {
  FunctionLabels labels({"one", "two"});
  Router router(labels);
  Nothing one, all;
  router.add("one", one);
  router.add_glob("*", all);
  router.find("two");
  for (const char* name : {"one", "two"}) {
    const FunctionLabel label = labels.find(name);
    labels.retire(label);
    router.forget(label);
    labels.release(label, nullptr);
    EXPECT_EQ(router.find(name).label, FunctionLabels::other()) << name;
  }
  EXPECT_EQ(router.find("one").service, &one);
  EXPECT_EQ(router.find("two").service, &all);
  const auto again = labels.learn("two");
  EXPECT_EQ(router.find("two").label, *again);
}

}  // namespace
}  // namespace zerogate
