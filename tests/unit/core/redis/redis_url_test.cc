#include "core/redis/redis_url.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

RedisUrl parsed(std::string_view text) {
  auto url = RedisUrl::parse(text);
  EXPECT_TRUE(url.ok()) << text << ": " << (url.ok() ? "" : url.error());
  return url.ok() ? url.value() : RedisUrl{};
}

TEST(RedisUrl, HasDefaults) {
  const RedisUrl url = parsed("redis://cache");
  EXPECT_EQ(url.host, "cache");
  EXPECT_EQ(url.port, 6379);
  EXPECT_EQ(url.path, "");
  EXPECT_EQ(url.user, "");
  EXPECT_EQ(url.password, "");
  EXPECT_EQ(url.database, 0u);
}

TEST(RedisUrl, TakesEveryPart) {
  const RedisUrl url = parsed("redis://bob:s3cret@10.0.0.1:6380/12");
  EXPECT_EQ(url.host, "10.0.0.1");
  EXPECT_EQ(url.port, 6380);
  EXPECT_EQ(url.user, "bob");
  EXPECT_EQ(url.password, "s3cret");
  EXPECT_EQ(url.database, 12u);
  EXPECT_EQ(url.display(), "10.0.0.1:6380");
}

TEST(RedisUrl, AsksForTlsByItsScheme) {
  const RedisUrl url = parsed("rediss://bob:s3cret@cache:6380/12");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "cache");
  EXPECT_EQ(url.port, 6380);
  EXPECT_EQ(url.database, 12u);
  EXPECT_FALSE(parsed("redis://cache").tls);
  EXPECT_FALSE(parsed("unix:/run/r.sock").tls);
}

TEST(RedisUrl, TakesTheHighestDatabaseThatARedisCanHave) {
  EXPECT_EQ(parsed("redis://h/2147483647").database, 2'147'483'647u);
  EXPECT_EQ(parsed("redis://h/").database, 0u);
}

TEST(RedisUrl, TakesIpv6) {
  EXPECT_EQ(parsed("redis://[::1]").host, "::1");
  EXPECT_EQ(parsed("redis://[::1]").port, 6379);
  EXPECT_EQ(parsed("redis://:p@[::1]:1/").port, 1);
  EXPECT_EQ(parsed("redis://[::1]:1").display(), "[::1]:1");
}

TEST(RedisUrl, UndoesPercentEscapes) {
  const RedisUrl url = parsed("redis://a%40b:p%2f%3A%25@h");
  EXPECT_EQ(url.user, "a@b");
  EXPECT_EQ(url.password, "p/:%");
}

TEST(RedisUrl, APasswordMayHoldColonAndAt) {
  EXPECT_EQ(parsed("redis://:a:b@c@h").password, "a:b@c");
  EXPECT_EQ(parsed("redis://:a:b@c@h").host, "h");
}

TEST(RedisUrl, TakesLocalSockets) {
  for (const auto* text : {"unix:/run/r.sock?db=3", "unix:///run/r.sock?db=3",
                           "redis+unix:/run/r.sock?db=3", "redis+unix:///run/r.sock?db=3"}) {
    const RedisUrl url = parsed(text);
    EXPECT_EQ(url.path, "/run/r.sock");
    EXPECT_EQ(url.host, "");
    EXPECT_EQ(url.database, 3u);
    EXPECT_EQ(url.display(), "/run/r.sock");
  }
  EXPECT_EQ(parsed("unix://:pw@/run/r.sock").password, "pw");
  EXPECT_EQ(parsed("unix:/run/a@b.sock").path, "/run/a@b.sock");
}

struct Refused {
  std::string_view text;
  std::string_view error;
};

class RedisUrlRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(RedisUrlRefuses, WithItsMendAndWithoutThePassword) {
  const auto url = RedisUrl::parse(GetParam().text);
  ASSERT_FALSE(url.ok());
  EXPECT_EQ(url.error(), GetParam().error);
  EXPECT_EQ(url.error().find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, RedisUrlRefuses,
    ::testing::Values(
        Refused{"",
                "'' is not a Redis URL; write redis://[user:password@]host[:port][/database], "
                "rediss:// for TLS, or unix:/path[?db=N]"},
        Refused{"localhost:6379",
                "'localhost:6379' is not a Redis URL; write "
                "redis://[user:password@]host[:port][/database], "
                "rediss:// for TLS, or unix:/path[?db=N]"},
        Refused{"http://:secret@h",
                "'http://:***@h' is not a Redis URL; write "
                "redis://[user:password@]host[:port][/database], rediss:// for TLS, or "
                "unix:/path[?db=N]"},
        Refused{"rediss:///run/:secret@redis.sock",
                "'rediss:///run/:***@redis.sock' has no host; write "
                "redis://[user:password@]host[:port][/database], rediss:// for TLS, "
                "or unix:/path[?db=N]"},
        Refused{"redis://",
                "'redis://' has no host; write "
                "redis://[user:password@]host[:port][/database], rediss:// for TLS, or "
                "unix:/path[?db=N]"},
        Refused{"redis://secret@h",
                "'redis://***@h' has one word before the '@'; write "
                "user:password@, or :password@ for the default user"},
        Refused{"redis://:@h",
                "'redis://:***@h' has an empty password; leave out what stands up "
                "to the '@'"},
        Refused{"redis://:secret%g0@h",
                "'redis://:***@h' has a broken %-escape in user or "
                "password; write % itself as %25"},
        Refused{"redis://:secret%4@h",
                "'redis://:***@h' has a broken %-escape in user or "
                "password; write % itself as %25"},
        Refused{"redis://:secret%4g@h",
                "'redis://:***@h' has a broken %-escape in user or "
                "password; write % itself as %25"},
        Refused{"redis://us%er:secret@h",
                "'redis://us%er:***@h' has a broken %-escape in user or "
                "password; write % itself as %25"},
        Refused{"redis://:se/cret@h",
                "'redis://:***@h' has no good host and port; write "
                "redis://[user:password@]host[:port][/database], "
                "rediss:// for TLS, or unix:/path[?db=N]"},
        Refused{"redis://user:secret/0",
                "'redis://user:***' has no good host and port; write "
                "redis://[user:password@]host[:port][/database], "
                "rediss:// for TLS, or unix:/path[?db=N]"},
        Refused{"redis://h:70000",
                "'redis://h:70000' has no good host and port; write "
                "redis://[user:password@]host[:port][/database], "
                "rediss:// for TLS, or unix:/path[?db=N]"},
        Refused{"redis://h:0", "'redis://h:0' has port 0; write the port that Redis listens on"},
        Refused{"redis://h/x",
                "'redis://h/x' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"redis://h/-1",
                "'redis://h/-1' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"redis://h/1x",
                "'redis://h/1x' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"redis://h/2147483648",
                "'redis://h/2147483648' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"redis://h/4294967296",
                "'redis://h/4294967296' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"redis://[::1]/x",
                "'redis://[::1]/x' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"unix:/run/r?db=",
                "'unix:/run/r?db=' has a database that is no number; write it as in "
                "redis://localhost:6379/0"},
        Refused{"unix:///run/a:b@c?x=1",
                "'unix:///run/a:b@c?x=1' has an unknown query; write ?db=N or nothing"},
        Refused{"redis+unix:/run/a:b@c?x=1",
                "'redis+unix:/run/a:b@c?x=1' has an unknown query; write ?db=N or nothing"},
        Refused{"unix://:secret@host/run/r",
                "'unix://:***@host/run/r' has a host before its path; write "
                "unix:/path or unix:///path"},
        Refused{"redis://h/0?password=secret",
                "'redis://h/0?password=***' has a query ('?...'); "
                "leave it out and write the database as /N"},
        Refused{"unix:relative",
                "'unix:relative' has no good path; write an absolute one, as in "
                "unix:/run/redis.sock"},
        Refused{"unix://host/run/r",
                "'unix://host/run/r' has a host before its path; write "
                "unix:/path or unix:///path"},
        Refused{"unix:/run/r?x=1",
                "'unix:/run/r?x=1' has an unknown query; write ?db=N or nothing"}));

TEST(MaskPassword, HidesItAndNothingElse) {
  EXPECT_EQ(mask_password("redis://h:6379/0"), "redis://h:6379/0");
  EXPECT_EQ(mask_password("redis://[::1]"), "redis://[::1]");
  EXPECT_EQ(mask_password("redis://:pw@h:1/2"), "redis://:***@h:1/2");
  EXPECT_EQ(mask_password("redis://:pw@h:6379/0"), "redis://:***@h:6379/0");
  EXPECT_EQ(mask_password("redis://bob:p:w@x@h"), "redis://bob:***@h");
  EXPECT_EQ(mask_password("unix:/run/a:b@c"), "unix:/run/a:b@c");
  EXPECT_EQ(mask_password("unix:///run/a:b@c"), "unix:///run/a:b@c");
  EXPECT_EQ(mask_password("unix://:pw@/run/r"), "unix://:***@/run/r");
  EXPECT_EQ(mask_password("user:pw@h"), "user:***@h");
  EXPECT_EQ(mask_password("redis://h?db=1&password=pw&x=1"), "redis://h?db=1&password=***");
  EXPECT_EQ(mask_password("bob:pw@redis://h"), "bob:***@redis://h");
  EXPECT_EQ(mask_password("redis://h?xpassword=1&password=pw"),
            "redis://h?xpassword=1&password=***");
}

TEST(MaskPassword, LeavesAUrlThatStillParses) {
  const RedisUrl url = parsed(mask_password("redis://bob:pw@h:1/2"));
  EXPECT_EQ(url.host, "h");
  EXPECT_EQ(url.database, 2u);
  EXPECT_EQ(mask_password("unix://:pw@/run/a@b"), "unix://:***@/run/a@b");
}

}  // namespace
}  // namespace zerogate
