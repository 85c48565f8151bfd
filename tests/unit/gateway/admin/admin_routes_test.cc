// What pages share when two threads of the admin server answer at once.
#include "gateway/admin/admin_routes.h"

#include <gtest/gtest.h>

#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

TEST(AdminRoutesTest, TwoMayAskForTheClientsAtOnce) {
  int made = 0;  // guarded by what the routes lock
  AdminSources sources;
  sources.clients = [&made] {
    ++made;
    return ClientList();
  };
  AdminRoutes routes(sources);
  const auto ask = [&routes] {
    const AdminPage page =
        routes.answer({.method = "GET", .path = "/clients", .host = "localhost"});
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.body, nullptr);
  };
  testing::beside(ask, ask);
  EXPECT_GE(made, 1);
}

}  // namespace
}  // namespace zerogate
