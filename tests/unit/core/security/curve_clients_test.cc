#include "core/security/curve_clients.h"

#include <gtest/gtest.h>

#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

TEST(CurveClientsTest, AKeyHasTheNameOfItsFile) {
  CurveClients clients;
  EXPECT_EQ(clients.name_of("k"), std::nullopt) << "nobody is welcome yet";
  clients.set({"/keys", {{"k", "orders"}}});
  EXPECT_EQ(clients.name_of("k"), "orders");
  EXPECT_EQ(clients.name_of("kk"), std::nullopt);
}

TEST(CurveClientsTest, WhereAnyKeyIsWelcomeItIsItsOwnName) {
  CurveClients clients;
  clients.set({"any", {{"k", "orders"}}});
  EXPECT_EQ(clients.name_of("k"), "orders");
  EXPECT_EQ(clients.name_of("another"), "another");
}

TEST(CurveClientsTest, EachChangeIsAVersion) {
  CurveClients clients;
  const uint64_t before = clients.version();
  clients.set({"any", {}});
  EXPECT_NE(clients.version(), before);
}

TEST(CurveClientsTest, WorkersAskWhileTheyAreReloaded) {
  CurveClients clients;
  beside([&] { clients.set({"/keys", {{"k", "orders"}}}); }, [&] { clients.name_of("k"); });
  EXPECT_EQ(clients.name_of("k"), "orders");
}

}  // namespace
}  // namespace zerogate::testing
