#include "gateway/config/load_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <map>
#include <sstream>

#include "core/redis/redis_url.h"
#include "core/sdk/functions.h"
#include "gateway/config/settings.h"
#include "gateway/config/show_config.h"
#include "handlers/registry.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ConfigTest, NoFileGivesTheDefaults) {
  const auto loaded = load_file("");
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  EXPECT_EQ(to_yaml(std::get<Config>(loaded)), to_yaml(Config{}));
}

TEST_F(ConfigTest, AFileWithoutKeysGivesTheDefaults) {
  for (const auto* text : {"", "\n\n", "# threads: 2\n", "---\n", "--- # nothing\n...\n"}) {
    EXPECT_EQ(to_yaml(good(text)), to_yaml(Config{})) << text;
  }
}

TEST_F(ConfigTest, EveryKeyReachesItsField) {
  const Config config = good(
      "threads: 3\n"
      "listen:\n"
      "  tcp: 0.0.0.0:1\n"
      "  zmq: ipc:/run/z.sock\n"
      "admin: \"[::1]:2\"\n"
      "log: {level: warn, format: json, access: 0.01, slow: 2s}\n"
      "limits: {message: 1MiB, connections: 5, in_flight: 6, write_buffer: 64KiB}\n"
      "drain_timeout: 250ms\n"
      "redis: {url: 'redis://u:pw@cache:7/8', connections: 9, timeout: 1m}\n"
      "handlers: [get_order, echo]\n");
  EXPECT_EQ(config.threads, 3u);
  EXPECT_EQ(config.listen_tcp->display(), "0.0.0.0:1");
  EXPECT_EQ(config.listen_zmq->path, "/run/z.sock");
  EXPECT_EQ(config.admin->display(), "[::1]:2");
  EXPECT_EQ(config.log_level, log::Level::warn);
  EXPECT_EQ(config.log_format, log::Format::json);
  EXPECT_EQ(config.log_access, 0.01);
  EXPECT_EQ(config.log_slow_ms, 2'000u);
  EXPECT_EQ(config.max_message, 1u << 20);
  EXPECT_EQ(config.max_connections, 5u);
  EXPECT_EQ(config.max_in_flight, 6u);
  EXPECT_EQ(config.write_buffer, 65'536u);
  EXPECT_EQ(config.drain_timeout_ms, 250u);
  EXPECT_EQ(config.redis, "redis://u:pw@cache:7/8");
  const RedisUrl redis = RedisUrl::parse(config.redis).value();
  EXPECT_EQ(redis.host, "cache");
  EXPECT_EQ(redis.password, "pw");
  EXPECT_EQ(redis.database, 8u);
  EXPECT_EQ(config.redis_connections, 9u);
  EXPECT_EQ(config.redis_timeout_ms, 60'000u);
  EXPECT_THAT(config.handlers, ElementsAre("get_order", "echo"));
}

TEST_F(ConfigTest, LogNamesMatchTheEnumerations) {
  const std::map<std::string, log::Level> levels = {{"debug", log::Level::debug},
                                                    {"info", log::Level::info},
                                                    {"warn", log::Level::warn},
                                                    {"error", log::Level::error},
                                                    {"off", log::Level::off}};
  for (const auto& [name, level] : levels) {
    EXPECT_EQ(good("log: {level: " + name + "}").log_level, level);
  }
  EXPECT_EQ(good("log: {format: logfmt}").log_format, log::Format::logfmt);
  EXPECT_EQ(good("log: {access: all}").log_access, 1);
  EXPECT_EQ(good("log: {access: 1e-3}").log_access, 0.001);
  for (const std::string off : {"off", "null", ""}) {
    EXPECT_EQ(good("log: {access: " + off + "}").log_access, 0) << off;
    EXPECT_EQ(good("log: {slow: " + off + "}").log_slow_ms, 0u) << off;
  }
}

TEST_F(ConfigTest, FlowStyleAndNullWork) {
  const Config config = good("listen: {tcp: 127.0.0.1:1, zmq: null}\nadmin:\n");
  EXPECT_EQ(config.listen_tcp->port, 1);
  EXPECT_FALSE(config.listen_zmq.has_value());
  EXPECT_FALSE(config.admin.has_value());
}

TEST_F(ConfigTest, OffSwitchesOffInVariablesAndFlags) {
  const Config config =
      good("", {{"ZEROGATE_ADMIN", "off"}, {"ZEROGATE_LISTEN_ZMQ", "127.0.0.1:1"}},
           {{"listen.tcp", "off"}});
  EXPECT_FALSE(config.admin.has_value());
  EXPECT_FALSE(config.listen_tcp.has_value());
  EXPECT_EQ(config.listen_zmq->port, 1);
}

// As what is left of a template whose variable is not set.
TEST_F(ConfigTest, AnEmptyValueDoesNotSwitchOff) {
  for (const std::string path : {"admin", "listen.tcp", "listen.zmq", "listen.tls"}) {
    EXPECT_THAT(errors("", {}, {{path, ""}}),
                ElementsAre(::testing::EndsWith(
                    ": is empty; write off to switch it off, or leave the flag out")))
        << path;
  }
  EXPECT_THAT(errors("listen: {tcp: \"\"}\nadmin: \"\"\nadmin_token: ''\nadmin_token_file: ''\n"
                     "zmq_keep_alive: ''\nlog: {slow: ''}\n"),
              ElementsAre("zerogate.yaml:1: listen.tcp: is empty; write off to switch it off",
                          "zerogate.yaml:2: admin: is empty; write off to switch it off",
                          "zerogate.yaml:3: admin_token: is empty; write off to switch it off",
                          "zerogate.yaml:4: admin_token_file: is empty; write off to switch it off",
                          "zerogate.yaml:5: zmq_keep_alive: is empty; write off to switch it off",
                          "zerogate.yaml:6: log.slow: is empty; write off to switch it off"));
}

TEST_F(ConfigTest, APasswordAsItIsShownIsNone) {
  EXPECT_THAT(
      errors("threads: 1\nredis: {url: 'redis://bob:***@host'}\n"),
      ElementsAre("zerogate.yaml:2: redis.url: the password is ***, as it is shown in place "
                  "of the real one; write that one"));
  EXPECT_THAT(good("redis: {url: 'redis://bob:****@host'}\n").redis, HasSubstr("****"));
}

TEST_F(ConfigTest, TellsAnEmptyFileFromOneThatSaysSomething) {
  EXPECT_FALSE(good("# nothing\n").source.has_keys);
  EXPECT_FALSE(good("{}\n").source.has_keys);
  EXPECT_TRUE(good("threads: 1\n").source.has_keys);
  EXPECT_FALSE(good("threads: 1\nroutes:\n").source.says_routes);  // as one that was cut there
  EXPECT_TRUE(good("routes: []\n").source.says_routes);
  EXPECT_TRUE(good("", {{"ZEROGATE_ROUTES", "[]"}}).source.says_routes);
}

TEST_F(ConfigTest, AutoThreadsAreAtLeastOne) {
  EXPECT_GE(good("threads: auto").threads, 1u);
  EXPECT_LE(good("threads: auto").threads, 256u);
}

TEST_F(ConfigTest, FlagsGoBeforeVariablesBeforeTheFile) {
  const std::string file = "limits: {connections: 11, in_flight: 11}\nthreads: 1\n";
  const Variables variables = {{"ZEROGATE_LIMITS_IN_FLIGHT", "12"}, {"ZEROGATE_THREADS", "2"}};
  const Config config = good(file, variables, {{"threads", "3"}});
  EXPECT_EQ(config.max_connections, 11u);
  EXPECT_EQ(config.max_in_flight, 12u);
  EXPECT_EQ(config.threads, 3u);
}

TEST_F(ConfigTest, EverySettingIsAVariable) {
  Variables variables;
  for (const Setting& setting : settings()) {
    variables[setting.environment_name()] = "\x01";  // nothing takes this
  }
  const auto lines = errors("", variables);
  ASSERT_EQ(lines.size(), settings().size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_THAT(lines[i], ::testing::StartsWith(settings()[i].environment_name() + ":"));
  }
  EXPECT_EQ(settings()[1].environment_name(), "ZEROGATE_LISTEN_TCP");
}

TEST_F(ConfigTest, AnEmptyVariableIsNone) {
  Variables variables = {{"ZEROGATE_CONFIG", ""}};
  for (const Setting& setting : settings()) {
    variables[setting.environment_name()] = "";
  }
  const Config config = good("handlers: [echo]\nlog: {slow: 2s}\nadmin: 127.0.0.1:1\n", variables);
  EXPECT_EQ(config, good("handlers: [echo]\nlog: {slow: 2s}\nadmin: 127.0.0.1:1\n"));
  EXPECT_TRUE(config.listen_tcp && config.listen_zmq && config.admin);
}

TEST_F(ConfigTest, OffSwitchesOff) {
  const Config config = good("", {{"ZEROGATE_ADMIN", "off"},
                                  {"ZEROGATE_LISTEN_TCP", "off"},
                                  {"ZEROGATE_LOG_SLOW", "off"},
                                  {"ZEROGATE_ZMQ_KEEP_ALIVE", "off"}});
  EXPECT_FALSE(config.admin || config.listen_tcp);
  EXPECT_EQ(config.log_slow_ms + config.zmq_keep_alive_ms, 0u);
}

TEST_F(ConfigTest, AMisspeltVariableIsTold) {
  EXPECT_THAT(good("", {{"ZEROGATE_LISTEN_TPC", "127.0.0.1:1"}}).warnings,
              ElementsAre("ZEROGATE_LISTEN_TPC is no key and does nothing; did you mean "
                          "ZEROGATE_LISTEN_TCP?"));
  EXPECT_THAT(good("", {{"ZEROGATE_TREADS", "2"}}).warnings, ::testing::SizeIs(1));
  EXPECT_THAT(good("", {{"ZEROGATE_PORT", "tcp://10.0.0.1:5559"},
                        {"ZEROGATE_PORT_5559_TCP", "tcp://10.0.0.1:5559"},
                        {"ZEROGATE_PORT_5559_TCP_ADDR", "10.0.0.1"},
                        {"ZEROGATE_SERVICE_HOST", "10.0.0.1"},
                        {"ZEROGATE_ADMIN_PORT", "tcp://10.0.0.1:9464"},
                        {"ZEROGATE_THREADS", "2"},
                        {"ZEROGATE_CONFIG", ""},
                        {"ZEROGATE_OF_SOMETHING_ELSE", "1"}})
                  .warnings,
              ElementsAre());
}

TEST_F(ConfigTest, AVariableThatIsNoKeyIsToldWithTheOneThatWasMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {"zerogate_listen_tcp", "ZEROGATE_LISTEN_TCP"},
      {"Zerogate_Threads", "ZEROGATE_THREADS"},
      {"ZEROGATE_LISTEN__TCP", "ZEROGATE_LISTEN_TCP"},
      {"ZERO_GATE_ADMIN", "ZEROGATE_ADMIN"},
      {"ZEROGATELISTEN_ZMQ", "ZEROGATE_LISTEN_ZMQ"},
      {"ZEROGTE_BRIDGE", "ZEROGATE_BRIDGE"},
      {"ZEROGATE_REDIS", "ZEROGATE_REDIS_URL"},
      {"ZEROGATE_LOG", "ZEROGATE_LOG_LEVEL"},
      {"ZEROGATE_CONNECTIONS", "ZEROGATE_LIMITS_CONNECTIONS"}};
  for (const auto& [name, meant] : cases) {
    EXPECT_THAT(good("", {{name, "1"}}).warnings,
                ElementsAre(std::string(name) + " is no key and does nothing; did you mean " +
                            meant + "?"));
  }
  for (const char* name : {"ZEROGATE_PORT", "ZEROGATE_OF_SOMETHING_ELSE", "ZEROGATE_"}) {
    EXPECT_THAT(good("", {{name, "5559"}}).warnings, ElementsAre()) << name;
    EXPECT_EQ(good("", {{name, "5559"}}).notes, good("").notes) << name;
  }
  EXPECT_THAT(good("", {{"ZEROGATE_TREADS", ""}, {"ZERO", "1"}, {"ZEROCONF", "1"}}).warnings,
              ElementsAre());
}

/// Of Services by the names zerogate, zerogate-orders and zerogate-listen-tcp, and of Docker's
/// links.
TEST_F(ConfigTest, VariablesOfServicesAreNeitherTakenNorTold) {
  Variables variables = {{"ZEROGATE_NAME", "/shop/zerogate"}, {"ZEROGATE_ENV_PATH", "/usr/bin"}};
  for (const std::string service : {"ZEROGATE", "ZEROGATE_ORDERS", "ZEROGATE_LISTEN_TCP"}) {
    variables[service + "_SERVICE_HOST"] = variables[service + "_PORT_5559_TCP_ADDR"] = "10.0.0.1";
    variables[service + "_PORT"] = variables[service + "_PORT_5559_TCP"] = "tcp://10.0.0.1:5559";
    variables[service + "_SERVICE_PORT"] = variables[service + "_SERVICE_PORT_ZMQ"] = "5559";
    variables[service + "_PORT_5559_TCP_PORT"] = "5559";
    variables[service + "_PORT_5559_TCP_PROTO"] = "tcp";
  }
  const Config config = good("", variables);
  EXPECT_EQ(config, Config{});
  EXPECT_THAT(config.warnings, ElementsAre());
  EXPECT_THAT(config.notes, ElementsAre());
}

// They may call it: context.call.
TEST_F(ConfigTest, ABackendNeedsNoRouteBesideFunctionsOfTheProgramsOwn) {
  const std::string text =
      "backends: {a: {url: 'tcp://a:1'}, b: {url: 'tcp://b:1'}}\n"
      "routes: [{functions: ['*'], backend: a}]\n";
  Functions functions;
  functions.add("own", "", [](int64_t number) { return number; });
  use_functions(&functions);
  EXPECT_THAT(good(text).warnings, ElementsAre());
  use_functions(nullptr);
  EXPECT_THAT(good(text).warnings, ::testing::SizeIs(1));
}

TEST_F(ConfigTest, WarnsOfWhatIsSurelyNotMeant) {
  const std::string backends = "backends: {a: {url: 'tcp://a:1'}, b: {url: 'tcp://b:1'}}\n";
  EXPECT_THAT(good(backends + "routes: [{functions: ['*'], backend: a}]\n").warnings,
              ElementsAre("backends.b: no route leads to it; add one, or take it out"));
  EXPECT_THAT(good(backends + "routes:\n- {functions: [f, '*'], backend: a}\n"
                              "- {functions: [g], backend: b}\n")
                  .warnings,
              ElementsAre("routes: the one for \"*\" to a takes every call, so that the 1 after it "
                          "get none; put it last"));
  EXPECT_THAT(good(backends + "routes:\n- {functions: [g], backend: b}\n"
                              "- {functions: ['*'], backend: a}\n")
                  .warnings,
              ElementsAre());
  EXPECT_THAT(good("handlers: []\n").warnings, ElementsAre(HasSubstr("no function is served")));
  EXPECT_THAT(good("admin:\nlisten:\n  tcp: # later\n").warnings,
              ElementsAre(HasSubstr("zerogate.yaml:1: admin: nothing is written, which is off"),
                          HasSubstr("zerogate.yaml:3: listen.tcp: nothing is written")));
  EXPECT_THAT(good("admin: null\nlisten: {tcp: NULL}\n").warnings, ElementsAre());
}

TEST_F(ConfigTest, ALimitBelowTheThreadsIsRaisedAndTold) {
  const Config config = good("threads: 8\nlimits: {connections: 4, in_flight: 7}\n");
  EXPECT_EQ(config.max_connections, 8u);
  EXPECT_EQ(config.max_in_flight, 8u);
  EXPECT_THAT(
      config.warnings,
      ElementsAre("limits.connections is 4, and 8 in force: one for each thread; raise it, "
                  "or lower threads",
                  "limits.in_flight is 7, and 8 in force: one for each thread; raise it, or "
                  "lower threads"));
}

TEST_F(ConfigTest, OtherVariablesAreLeftAlone) {
  // As Kubernetes sets them for a service of this name.
  good("", {{"ZEROGATE_PORT", "tcp://10.0.0.1:5559"}, {"ZEROGATE_SERVICE_HOST", "10.0.0.1"}});
}

TEST_F(ConfigTest, HandlersOfAVariableAreSeparatedByCommas) {
  EXPECT_THAT(good("", {{"ZEROGATE_HANDLERS", "echo, hello_world"}}).handlers,
              ElementsAre("echo", "hello_world"));
  EXPECT_THAT(good("", {{"ZEROGATE_HANDLERS", "off"}}).handlers, ElementsAre());
  EXPECT_THAT(good("handlers: []").handlers, ElementsAre());
}

TEST_F(ConfigTest, TheDefaultHandlersAreAllThereAre) {
  EXPECT_EQ(Config{}.handlers, handler_names());
}

TEST_F(ConfigTest, TheDefaultRedisUrlIsGood) {
  const auto url = RedisUrl::parse(Config{}.redis);
  EXPECT_TRUE(url.ok());
}

TEST_F(ConfigTest, ToYamlIsReadBackAsTheSame) {
  const Config config = good(
      "listen: {tcp: '[::]:1', zmq: null}\nadmin: off\nthreads: 2\ndrain_timeout: 1500ms\n"
      "limits: {message: 1500, write_buffer: 1025KiB}\nhandlers: [echo]\n"
      "redis: {url: 'unix:/run/r.sock?db=1'}\n");
  const std::string yaml = to_yaml(config);
  EXPECT_EQ(to_yaml(good(yaml)), yaml);
  EXPECT_THAT(yaml, HasSubstr("listen:\n  tcp: \"[::]:1\"\n  zmq: null\n  zmq_curve: null\n"
                              "  tls: null\n  mode: null\n"));
  EXPECT_THAT(yaml, HasSubstr("handlers: [echo]\n"));
}

TEST_F(ConfigTest, WrittenYamlBeginsWithAWordOfAFileThatSaysNothing) {
  const Config commented = good("# nothing yet\n");
  EXPECT_EQ(written_yaml(commented), std::string(kNoKeys) + to_yaml(commented));
  EXPECT_EQ(to_yaml(good(written_yaml(commented))), to_yaml(commented));
  const Config config = good("threads: 2\n");
  EXPECT_EQ(written_yaml(config), to_yaml(config));
}

TEST_F(ConfigTest, ToYamlMasksThePassword) {
  const std::string yaml = to_yaml(good("redis: {url: 'redis://bob:hush@h:1/2'}"));
  EXPECT_THAT(yaml, HasSubstr("redis://bob:***@h:1/2"));
  EXPECT_THAT(yaml, Not(HasSubstr("hush")));
}

/// The example cannot rot: it holds every key, each at its default; handlers in a comment, for
/// where it is written out, a route that is added would not get these functions' calls.
TEST_F(ConfigTest, TheExampleIsAllDefaults) {
  const std::string file = deploy_file("zerogate.yaml");
  const auto loaded = load_file(file);
  ASSERT_TRUE(std::holds_alternative<Config>(loaded))
      << ::testing::PrintToString(std::get<ConfigErrors>(loaded).lines);
  EXPECT_EQ(to_yaml(std::get<Config>(loaded)), to_yaml(Config{}));
  const YAML::Node root = YAML::LoadFile(file);
  EXPECT_FALSE(root["handlers"].IsDefined());
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("\n# handlers: [hello_world, echo, save_order, get_order]\n"));
  for (const Setting& setting : settings()) {
    if (!setting.in_file || setting.path == "handlers") {
      continue;
    }
    const YAML::Node parent =
        setting.section().empty() ? root : root[std::string(setting.section())];
    EXPECT_TRUE(parent[std::string(setting.key())].IsDefined()) << setting.path;
  }
}

TEST_F(ConfigTest, ABadValueInTheFileIsAnErrorEvenWhenAFlagOverridesIt) {
  EXPECT_THAT(
      errors("threads: 0\n", {}, {{"threads", "2"}}),
      ElementsAre("zerogate.yaml:1: threads: '0' is out of range; write 1 to 256, or auto"));
}

TEST_F(ConfigTest, AllErrorsAreFoundAtOnceInTheOrderOfTheirPlaces) {
  EXPECT_THAT(
      errors("threads: 0\nlistn: 1\nlimits:\n  message: 16Mib\n", {{"ZEROGATE_ADMIN", "9464"}},
             {{"log.level", "loud"}}),
      ElementsAre("zerogate.yaml:1: threads: '0' is out of range; write 1 to 256, or auto",
                  "zerogate.yaml:2: unknown key 'listn'; did you mean 'listen'?",
                  "zerogate.yaml:4: limits.message: '16Mib' is not a size; "
                  "write bytes or a unit, as in 64KiB or 16MiB",
                  "ZEROGATE_ADMIN: '9464' has no port; write host:port, as in 127.0.0.1:9464",
                  "--log-level: 'loud' is not known; write debug, info, warn, error or off"));
}

TEST_F(ConfigTest, PasswordsStayOutOfErrors) {
  for (const auto* text :
       {"redis: {url: 'rediss://:hush@h', tls_key: k}", "redis: {url: 'redis://:hush%@h'}",
        "redis: redis://:hush@h", "redis: {url: ['redis://:hush@h']}", "redis: {password: hush}",
        "redis: {url: 'redis://hush@h'}", "redis: {url: 'redis://bob:hush'}"}) {
    const auto lines = errors(text);
    ASSERT_EQ(lines.size(), 1u) << text;
    EXPECT_THAT(lines[0], Not(HasSubstr("hush")));
  }
}

TEST_F(ConfigTest, FilesThatCannotBeRead) {
  EXPECT_THAT(shortened(load_file(directory_ / "none.yaml")),
              ElementsAre("none.yaml: cannot be read: No such file or directory; "
                          "name a YAML file that exists and is readable"));
  EXPECT_THAT(shortened(load_file(directory_ / ".")),
              ElementsAre(".: is a folder, which container engines make where a file to mount is "
                          "missing; name a YAML file that exists and is readable"));
  EXPECT_THAT(errors(std::string((1 << 20) + 1, '#')),
              ElementsAre("zerogate.yaml: is longer than 1048576 bytes; "
                          "name a YAML file that exists and is readable"));
}

TEST_F(ConfigTest, AReloadReadsNoPipe) {
  const std::string pipe = directory_ / "zerogate.yaml";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto again = [&](const std::string& file) {
    return load_config(file, Environment(), {}, settings(), FileRules::Kind::repeatable);
  };
  EXPECT_THAT(shortened(again(pipe)),
              ElementsAre("zerogate.yaml: is a pipe, which cannot be read a second time; name a "
                          "YAML file that exists and is readable"));
  EXPECT_TRUE(std::holds_alternative<Config>(again("/dev/null")));
}

/// None of them is waited for: a pipe may never have a writer.
TEST_F(ConfigTest, NoKeyThatNamesAFileTakesAPipe) {
  const std::string pipe = directory_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string curve = "listen: {zmq_curve: 127.0.0.1:0}\ncurve: {clients: any, secret_key: ";
  const std::string tls = "listen: {tls: 127.0.0.1:0}\ntls: {clients: none, cert: PIPE, key: PIPE}";
  for (std::string text :
       {curve + "PIPE}", tls, std::string("admin_tls: {cert: PIPE, key: PIPE}"),
        std::string("redis: {url: rediss://a, tls_ca: PIPE}"),
        std::string("backends: {a: {url: tls://a:1, tls: {ca: PIPE}}}"),
        std::string("backends: {a: {url: zmq://a:1, curve: {server_key: PIPE, secret_key: PIPE}}}"),
        std::string("curve: {clients: PIPE}")}) {
    for (size_t at = text.find("PIPE"); at != text.npos; at = text.find("PIPE")) {
      text.replace(at, 4, pipe);
    }
    EXPECT_THAT(errors(text), Each(AnyOf(HasSubstr("is a pipe; "), HasSubstr("Not a directory; "))))
        << text;
  }
}

TEST_F(ConfigTest, TheBlameForAClashFallsOnWhoCameLast) {
  EXPECT_THAT(errors("listen: {zmq: 127.0.0.1:7}", {{"ZEROGATE_LISTEN_TCP", "0.0.0.0:7"}}),
              ElementsAre("ZEROGATE_LISTEN_TCP: 0.0.0.0:7 is taken by listen.zmq (127.0.0.1:7); "
                          "give it another port"));
  EXPECT_THAT(errors("listen: {zmq: 127.0.0.1:9464}"),
              ElementsAre("zerogate.yaml:1: listen.zmq: 127.0.0.1:9464 is taken by admin "
                          "(127.0.0.1:9464); give it another port"));
  EXPECT_THAT(errors("listen: {tcp: null}", {}, {{"listen.zmq", "off"}}),
              ElementsAre("--listen-zmq: listen.tcp and listen.zmq are both off, so nothing can be "
                          "served; give one of them an address"));
}

TEST_F(ConfigTest, AddressesThatDoNotClash) {
  good("listen: {tcp: 127.0.0.1:0, zmq: 127.0.0.1:0}\nadmin: 127.0.0.1:0\n");
  good("listen: {tcp: 127.0.0.1:7, zmq: 127.0.0.2:7}\n");
  good("listen: {tcp: 0.0.0.0:7, zmq: '[::1]:7'}\n");
  good("listen: {tcp: unix:/run/a, zmq: ipc:/run/b}\n");
}

TEST_F(ConfigTest, IPv6WildcardClashesWithIPv4) {
  EXPECT_THAT(errors("listen: {tcp: 127.0.0.1:7, zmq: '[::]:7'}"),
              ElementsAre("zerogate.yaml:1: listen.zmq: [::]:7 is taken by listen.tcp "
                          "(127.0.0.1:7); give it another port"));
}

TEST_F(ConfigTest, AListenerAtItsDefaultGivesWay) {
  for (const auto* address : {"127.0.0.1:5559", "0.0.0.0:5559", "[::]:5559"}) {
    const Config config = good("", {}, {{"listen.zmq", address}});
    EXPECT_FALSE(config.listen_tcp.has_value()) << address;
    EXPECT_EQ(config.listen_zmq->display(), address);
    EXPECT_THAT(config.notes,
                ElementsAre("listen.tcp is off: its default address was given to listen.zmq (" +
                            std::string(address) + "); set listen.tcp to have both"));
  }
  const Config other = good("listen: {tcp: 127.0.0.1:5560}");
  EXPECT_FALSE(other.listen_zmq.has_value());
  EXPECT_THAT(other.notes, ElementsAre(HasSubstr("listen.zmq is off")));
}

TEST_F(ConfigTest, AListenerElsewhereOrSetByHandDoesNotGiveWay) {
  const Config apart = good("", {}, {{"listen.zmq", "127.0.0.1:7"}});
  EXPECT_TRUE(apart.listen_tcp.has_value());
  EXPECT_THAT(apart.notes, ElementsAre());
  EXPECT_THAT(errors("listen: {tcp: 127.0.0.1:5559}", {}, {{"listen.zmq", "127.0.0.1:5559"}}),
              ElementsAre("--listen-zmq: 127.0.0.1:5559 is taken by listen.tcp (127.0.0.1:5559); "
                          "give it another port"));
  EXPECT_THAT(errors("", {}, {{"listen.zmq", "127.0.0.1:9464"}}),
              ElementsAre("--listen-zmq: 127.0.0.1:9464 is taken by admin (127.0.0.1:9464); "
                          "give it another port"));
}

TEST_F(ConfigTest, TheFileMayBeNamedByAVariable) {
  const std::string file = directory_ / "named.yaml";
  std::ofstream(file) << "threads: 3\n";
  EXPECT_EQ(std::get<Config>(load_file("", {{"ZEROGATE_CONFIG", file}})).threads, 3U);
  EXPECT_EQ(good("threads: 4\n", {{"ZEROGATE_CONFIG", file}}).threads, 4U);
}

}  // namespace
}  // namespace zerogate
