#include "gateway/runtime/resource_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/io/name_service.h"
#include "core/sdk/functions.h"
#include "gateway/host/descriptors.h"
#include "gateway/host/tasks.h"
#include "handlers/registry.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr ResourceLimits kPlenty = {.descriptors = 1'000'000, .open_descriptors = 3};

Config config_with(uint32_t threads, const std::vector<std::string>& urls = {},
                   uint32_t connections = 0) {
  Config config;
  config.threads = threads;
  config.handlers = {"echo"};
  if (!urls.empty()) {
    BackendOptions backend;
    backend.name = "orders";
    for (const std::string& url : urls) {
      backend.urls.push_back(ServerUrl::parse(url).value());
    }
    backend.connections = connections;
    config.backends = {backend};
  }
  return config;
}

/// The lowest limit that is enough.
uint32_t needed(const Config& config) {
  uint32_t limit = 0;
  while (!share_descriptors(config, {limit, 3})) {
    ++limit;
  }
  return limit;
}

TEST(ResourceBudget, EveryConsumerIsCounted) {
  const uint32_t bare = needed(config_with(1));
  const uint32_t per_thread = needed(config_with(2)) - bare;
  EXPECT_EQ(needed(config_with(8)), bare + 7 * per_thread);
  EXPECT_EQ(needed(config_with(2, {"tcp://a:1"})), needed(config_with(2)) + 2 * 24);
  EXPECT_EQ(needed(config_with(2, {"tcp://a:1", "tcp://b:1"}, 5)), needed(config_with(2)) + 2 * 10);
  const uint32_t one = needed(config_with(1, {"zmq://a:1"}));
  EXPECT_GT(one, bare);
  EXPECT_GT(needed(config_with(1, {"zmq://a:1"}, 400)), one + 399);
  Config config = config_with(2);
  config.handlers = {"save_order"};
  config.redis_connections = 7;
  EXPECT_EQ(needed(config), needed(config_with(2)) + 2 * 7);
  config = config_with(2);
  config.listen_zmq_curve = Address{"127.0.0.1", 1, ""};
  EXPECT_GT(needed(config), needed(config_with(2)) + 2 * 11);
  config = config_with(1);
  config.admin = std::nullopt;
  EXPECT_LT(needed(config), bare);
  config.listen_zmq = std::nullopt;
  EXPECT_LT(needed(config), bare - 4);
}

TEST(ResourceBudget, ANewcomerOfZeroMqThatWaitsAtTheLimitHasADescriptorInEachThread) {
  Config tcp = config_with(3);
  tcp.listen_zmq = std::nullopt;
  Config zmq = config_with(3);
  zmq.listen_tcp = std::nullopt;
  EXPECT_EQ(needed(zmq), needed(tcp) + 3);
}

TEST(ResourceBudget, ThreadsOfTheFunctionsPoolAreCounted) {
  const uint32_t without = needed_threads(config_with(1));
  const Functions functions({.threads = 8});
  use_functions(&functions);
  EXPECT_EQ(needed_threads(config_with(1)), without + 8);
  use_functions(nullptr);
}

TEST(ResourceBudget, TooFewDescriptorsAreOneLineWithNumbersAndHint) {
  const auto shares = share_descriptors(config_with(8), {128, 3});
  ASSERT_FALSE(shares.ok());
  EXPECT_THAT(shares.error(), StartsWith("8 threads need "));
  EXPECT_THAT(shares.error(), HasSubstr(" descriptors, 128 allowed; raise "));
  EXPECT_THAT(share_descriptors(config_with(1), {8, 3}).error(), StartsWith("1 thread needs "));
}

TEST(ResourceBudget, ClientsGetWhatIsLeft) {
  const Config config = config_with(1);
  EXPECT_EQ(share_descriptors(config, kPlenty).value().connections, config.max_connections);
  EXPECT_EQ(share_descriptors(config, kPlenty).value().admin, kMaxAdminConnections);
  for (uint32_t limit = needed(config); limit < 5'000; ++limit) {
    const auto [connections, admin] = share_descriptors(config, {limit, 3}).value();
    EXPECT_GE(connections, 3u) << limit;
    EXPECT_GE(admin, 4u) << limit;
    EXPECT_LT(2 * connections + admin, limit);
  }
  const uint32_t many = share_descriptors(config, {4'096, 3}).value().connections;
  EXPECT_LT(share_descriptors(config_with(1, {"tcp://a:1"}, 1'000), {4'096, 3}).value().connections,
            many - 400);
}

TEST(ResourceBudget, TooFewThreadsAreOneLineWithNumbersAndHint) {
  Config config = config_with(2);
  const uint32_t needed = needed_threads(config);
  EXPECT_TRUE(check_threads(config, needed).ok());
  const Status too_few = check_threads(config, needed - 1);
  ASSERT_FALSE(too_few.ok());
  EXPECT_THAT(too_few.error(), StartsWith("2 threads need "));
  EXPECT_THAT(too_few.error(), HasSubstr(" can be started; raise their limit "));
  config.admin = std::nullopt;
  EXPECT_EQ(needed_threads(config), needed - AdminServer::kThreads);
}

TEST(ResourceBudget, EachNameMayTakeAThread) {
  const uint32_t addresses = needed_threads(config_with(2, {"tcp://10.0.0.1:1", "tcp://[::1]:1"}));
  EXPECT_EQ(needed_threads(config_with(2, {"tcp://a:1", "tcp://a:2"})), addresses);
  EXPECT_EQ(needed_threads(config_with(2, {"tcp://a:1", "tcp://b:1"})), addresses + 1);
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) {
    many.push_back("tcp://n" + std::to_string(i) + ":1");
  }
  EXPECT_EQ(needed_threads(config_with(2, many)), addresses + NameService::kMaxThreads - 1);
}

TEST(ResourceBudget, ThreadsCanBeTriedOut) {
  EXPECT_EQ(startable_threads(0), 0u);
  EXPECT_EQ(startable_threads(20), 20u);
}

TEST(ResourceBudget, TheAccessIsHandedOnAndItsFileNotReadAgain) {
  Config config = config_with(1);
  config.admin_token_file = "/of/an/earlier/moment";
  const auto access = AdminAccess::make({.token = "0123456789abcdef"});
  const auto resources = take_resources(config, access.value(), false);
  ASSERT_TRUE(resources.ok()) << resources.error();
  EXPECT_TRUE(resources.value().access.has_token("Bearer 0123456789abcdef").value());
}

TEST(ResourceBudget, OpenDescriptorsAreSeen) {
  const uint32_t before = open_descriptors();
  const int fds[] = {dup(0), dup(0), dup(0)};
  EXPECT_EQ(open_descriptors(), before + 3);
  for (const int fd : fds) {
    close(fd);
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace zerogate
