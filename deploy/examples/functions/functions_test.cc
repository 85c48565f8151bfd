#include "functions.h"

#include <gtest/gtest.h>

#include "zerogate_testing.h"

namespace notes {
namespace {

using namespace zerogate;

/// As a client knows it.
struct Note {
  std::string title;
  std::string text;
  ZEROGATE_FIELDS(title, text)
};

TEST(NotesTest, ANoteIsKeptUnderItsTitle) {
  TestGateway gateway(functions());
  EXPECT_EQ(gateway.call<std::string>("save_note", Note{"a", "buy apples"}), "a");
  EXPECT_EQ(gateway.redis.texts["note:a"], "buy apples");
  EXPECT_EQ(gateway.call<std::optional<std::string>>("read_note", "a"), "buy apples");
  EXPECT_EQ(gateway.call<std::optional<std::string>>("read_note", "b"), std::nullopt);
}

TEST(NotesTest, WithoutRedisTheCallerIsToldWhy) {
  TestGateway gateway(functions());
  gateway.redis.away = "redis is away";
  EXPECT_THROW(gateway.call("read_note", "a"), RemoteException);
}

TEST(NotesTest, NumbersAreSummed) {
  TestGateway gateway(functions());
  EXPECT_EQ(gateway.call<int64_t>("sum_list", std::vector<int64_t>{1, 2, 3}), 6);
  EXPECT_THROW(gateway.call("sum_list", "no list"), ValidationException);
}

}  // namespace
}  // namespace notes
