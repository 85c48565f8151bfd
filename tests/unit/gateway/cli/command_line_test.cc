#include "gateway/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "gateway/cli/check_command.h"
#include "gateway/config/settings.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

template <class T>
T parse_as(const std::vector<std::string>& arguments) {
  const Command command = parse_command_line(arguments);
  if (const auto* error = std::get_if<UsageError>(&command)) {
    EXPECT_TRUE((std::is_same_v<T, UsageError>)) << error->text;
  }
  if (!std::holds_alternative<T>(command)) {
    ADD_FAILURE() << "another command than expected: number " << command.index();
    return T{};
  }
  return std::get<T>(command);
}

std::string error_of(const std::vector<std::string>& arguments) {
  return parse_as<UsageError>(arguments).text;
}

TEST(CommandLine, Serve) {
  EXPECT_EQ(parse_as<ServeCommand>({"serve"}).config_file, "");
  const auto serve = parse_as<ServeCommand>(
      {"serve", "--config", "z.yaml", "--listen-tcp=[::]:1", "--listen-zmq", "off", "--admin", "",
       "--redis", "redis://:p=w@h", "--threads", "2", "--log-level=warn", "--log-format", "json"});
  EXPECT_EQ(serve.config_file, "z.yaml");
  EXPECT_THAT(serve.flags, ElementsAre(Pair("admin", ""), Pair("listen.tcp", "[::]:1"),
                                       Pair("listen.zmq", "off"), Pair("log.format", "json"),
                                       Pair("log.level", "warn"),
                                       Pair("redis.url", "redis://:p=w@h"), Pair("threads", "2")));
}

TEST(CommandLine, AnEmptyValueDoesNotSwallowTheNextFlag) {
  EXPECT_THAT(parse_as<ServeCommand>({"serve", "--admin=", "--threads", "2"}).flags,
              ElementsAre(Pair("admin", ""), Pair("threads", "2")));
}

TEST(CommandLine, OfAFlagGivenTwiceTheLastOneCounts) {
  EXPECT_THAT(parse_as<ServeCommand>({"serve", "--threads", "1", "--threads", "2"}).flags,
              ElementsAre(Pair("threads", "2")));
}

TEST(CommandLine, BridgeMayStandSeveralTimes) {
  EXPECT_THAT(parse_as<ServeCommand>({"serve", "--bridge", "tcp://a:1"}).flags,
              ElementsAre(Pair("bridge", "tcp://a:1")));
  EXPECT_THAT(parse_as<CheckCommand>({"check", "--config", "z.yaml", "--bridge", "tcp://a:1",
                                      "--threads", "2", "--bridge=zmq://b:2"})
                  .flags,
              ElementsAre(Pair("bridge", "tcp://a:1,zmq://b:2"), Pair("threads", "2")));
  EXPECT_EQ(error_of({"serve", "--bridge", "--threads", "2"}),
            "zerogate serve: --bridge needs a value; see 'zerogate serve --help'\n");
}

TEST(CommandLine, Check) {
  const auto check = parse_as<CheckCommand>({"check", "--config", "z.yaml", "--threads", "2"});
  EXPECT_EQ(check.config_file, "z.yaml");
  EXPECT_THAT(check.flags, ElementsAre(Pair("threads", "2")));
}

TEST(CommandLine, Functions) {
  const auto functions =
      parse_as<FunctionsCommand>({"functions", "--config", "z.yaml", "--json", "--threads", "2"});
  EXPECT_EQ(functions.config_file, "z.yaml");
  EXPECT_TRUE(functions.as_json);
  EXPECT_THAT(functions.flags, ElementsAre(Pair("threads", "2")));
  EXPECT_FALSE(parse_as<FunctionsCommand>({"functions"}).as_json);
  EXPECT_THAT(error_of({"functions", "--config="}), HasSubstr("--config needs the name"));
  EXPECT_THAT(error_of({"clients", "--config="}), HasSubstr("--config needs the name"));
}

TEST(CommandLine, Call) {
  const auto call = parse_as<CallCommand>({"call", "tcp://h:1", "hello_world"});
  EXPECT_EQ(call.url, "tcp://h:1");
  EXPECT_EQ(call.function, "hello_world");
  EXPECT_EQ(call.json, "null");
  EXPECT_EQ(call.timeout_ms, 5'000u);
  EXPECT_EQ(parse_as<CallCommand>({"call", "u", "f", "--timeout", "250ms"}).timeout_ms, 250u);
}

TEST(CommandLine, CallTakesAnyJson) {
  for (const auto* json : {"{\"a\":[1,2.5,null,true,\"x\"]}", "[1,2]", "[[1],[2]]", "[]", "-5",
                           "-1.5", "\"x y\"", "-", "", "{}", "\"--a=b\""}) {
    EXPECT_EQ(parse_as<CallCommand>({"call", "u", "f", json}).json, json);
  }
}

TEST(CommandLine, CallTakesFunctionsNamedLikeACommandOrFlag) {
  EXPECT_EQ(parse_as<CallCommand>({"call", "u", "serve"}).function, "serve");
  EXPECT_EQ(parse_as<CallCommand>({"call", "u", "--", "--x=1"}).function, "--x=1");
}

TEST(CommandLine, Bench) {
  const auto plain = parse_as<BenchCommand>({"bench", "tcp://h:1", "hello_world"});
  EXPECT_EQ(plain.url, "tcp://h:1");
  EXPECT_EQ(plain.function, "hello_world");
  EXPECT_EQ(plain.json, "null");
  EXPECT_FALSE(plain.as_json);
  const auto all = parse_as<BenchCommand>(
      {"bench", "u", "f", "[1,2]", "--connections", "8", "--depth=64", "--rate", "100",
       "--duration", "1s", "--warmup", "0s", "--timeout", "2s", "--expect", "[3]", "--json"});
  EXPECT_EQ(all.json, "[1,2]");
  EXPECT_EQ(all.connections, "8");
  EXPECT_EQ(all.depth, "64");
  EXPECT_EQ(all.rate, "100");
  EXPECT_EQ(all.duration, "1s");
  EXPECT_EQ(all.warmup, "0s");
  EXPECT_EQ(all.timeout, "2s");
  EXPECT_EQ(all.expect, "[3]");
  EXPECT_TRUE(all.as_json);
  EXPECT_THAT(error_of({"bench"}), HasSubstr("the URL is missing"));
  EXPECT_THAT(error_of({"bench", "u"}), HasSubstr("name is missing"));
  EXPECT_THAT(error_of({"bench", "u", "f", "--dept", "1"}), HasSubstr("did you mean --depth?"));
}

TEST(CommandLine, Backends) {
  EXPECT_EQ(parse_as<BackendsCommand>({"backends"}).action, "");
  const auto drain = parse_as<BackendsCommand>(
      {"backends", "drain", "b", "10.0.0.1:1", "--reason", "new version", "--admin=h:1"});
  EXPECT_EQ(drain.action, "drain");
  EXPECT_EQ(drain.backend, "b");
  EXPECT_EQ(drain.endpoint, "10.0.0.1:1");
  EXPECT_EQ(drain.reason, "new version");
  EXPECT_THAT(drain.flags, ElementsAre(Pair("admin", "h:1")));
}

TEST(CommandLine, Healthcheck) {
  const auto plain = parse_as<HealthcheckCommand>({"healthcheck"});
  EXPECT_EQ(plain.config_file, "");
  EXPECT_TRUE(plain.flags.empty());
  EXPECT_EQ(plain.timeout_ms, 2'000u);
  const auto full = parse_as<HealthcheckCommand>(
      {"healthcheck", "--admin", "h:1", "--config=z.yaml", "--timeout", "250ms"});
  EXPECT_EQ(full.config_file, "z.yaml");
  EXPECT_THAT(full.flags, ElementsAre(Pair("admin", "h:1")));
  EXPECT_EQ(full.timeout_ms, 250u);
  EXPECT_THAT(error_of({"healthcheck", "--timeout", "0s"}), HasSubstr("write 1ms to 1h"));
  EXPECT_THAT(error_of({"healthcheck", "--threads", "2"}), HasSubstr("unknown flag --threads"));
}

TEST(CommandLine, Clients) {
  const auto plain = parse_as<ClientsCommand>({"clients"});
  EXPECT_FALSE(plain.watch);
  EXPECT_EQ(plain.timeout_ms, 2'000u);
  const auto full =
      parse_as<ClientsCommand>({"clients", "--watch", "--admin=h:1", "--timeout", "1s"});
  EXPECT_TRUE(full.watch);
  EXPECT_THAT(full.flags, ElementsAre(Pair("admin", "h:1")));
  EXPECT_EQ(full.timeout_ms, 1'000u);
  EXPECT_THAT(error_of({"clients", "--wach"}), HasSubstr("did you mean --watch?"));
}

TEST(CommandLine, Version) {
  const std::string text = parse_as<PrintCommand>({"--version"}).text;
  EXPECT_THAT(text, ::testing::MatchesRegex("zerogate [0-9]+\\.[0-9]+\\.[0-9]+ \\([0-9a-z]+\\)\n"));
}

TEST(CommandLine, NoCommandShowsTheHelp) {
  EXPECT_EQ(error_of({}), parse_as<PrintCommand>({"--help"}).text);
}

TEST(CommandLine, EachCommandHasHelp) {
  for (const auto* command :
       {"serve", "check", "functions", "call", "bench", "healthcheck", "clients", "backends"}) {
    EXPECT_THAT(parse_as<PrintCommand>({command, "--help"}).text,
                StartsWith("zerogate " + std::string(command) + " "));
    EXPECT_THAT(parse_as<PrintCommand>({command, "-h"}).text, StartsWith("zerogate "));
  }
}

TEST(CommandLine, HelpOfServeNamesEverySettingWithItsDefault) {
  const std::string help = parse_as<PrintCommand>({"serve", "--help"}).text;
  for (const Setting& setting : settings()) {
    if (setting.flag.empty()) {
      EXPECT_THAT(help, HasSubstr("  " + std::string(setting.path) + " "));
      EXPECT_THAT(help,
                  HasSubstr(std::string(setting.help) + "; default " + setting.default_text()));
    } else {
      EXPECT_THAT(help, HasSubstr("  " + std::string(setting.flag) + " "));
      EXPECT_THAT(help,
                  HasSubstr(setting.environment_name() + ", default " + setting.default_text()));
    }
  }
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(CommandLine, UsageErrorsAreOneLineWithTheirMend) {
  EXPECT_EQ(error_of({"srve"}), "zerogate: unknown command 'srve'; did you mean serve?\n");
  EXPECT_EQ(error_of({"run"}), "zerogate: unknown command 'run'; see 'zerogate --help'\n");
  EXPECT_EQ(error_of({"serve", "--\u202ebogus\u009b"}),
            "zerogate serve: unknown flag -- bogus ; see 'zerogate serve --help'\n")
      << "nothing that a terminal obeys";
  EXPECT_EQ(error_of({"--versoin"}), "zerogate: unknown flag --versoin; did you mean --version?\n");
  EXPECT_EQ(error_of({"serve", "--lisen-tcp", "a:1"}),
            "zerogate serve: unknown flag --lisen-tcp; did you mean --listen-tcp?\n");
  EXPECT_EQ(error_of({"serve", "--bogus"}),
            "zerogate serve: unknown flag --bogus; see 'zerogate serve --help'\n");
  EXPECT_EQ(error_of({"serve", "z.yaml"}),
            "zerogate serve: unexpected argument 'z.yaml'; did you mean --config?\n");
  EXPECT_EQ(error_of({"check", "z.yml"}),
            "zerogate check: unexpected argument 'z.yml'; did you mean --config?\n");
  EXPECT_EQ(error_of({"call", "tcp://a:1", "f", "1", "z.yaml"}),
            "zerogate call: unexpected argument 'z.yaml'; see 'zerogate call --help'\n");
  EXPECT_EQ(error_of({"serve", "--threads"}),
            "zerogate serve: --threads needs a value; see 'zerogate serve --help'\n");
  EXPECT_EQ(error_of({"serve", "--admin", "--threads", "2"}),
            "zerogate serve: --admin needs a value; see 'zerogate serve --help'\n");
  EXPECT_EQ(error_of({"serve", "--config="}),
            "zerogate serve: --config needs the name of a file; see 'zerogate serve --help'\n");
  EXPECT_EQ(error_of({"check", "--config="}),
            "zerogate check: --config needs the name of a file; see 'zerogate check --help'\n");
  EXPECT_EQ(error_of({"call"}), "zerogate call: the URL is missing; see 'zerogate call --help'\n");
  EXPECT_EQ(error_of({"call", "u"}),
            "zerogate call: the function's name is missing; see 'zerogate call --help'\n");
  EXPECT_EQ(error_of({"call", "u", "f", "1", "2"}),
            "zerogate call: unexpected argument '2'; see 'zerogate call --help'\n");
  EXPECT_EQ(error_of({"call", "u", "f", "--timeout", "0s"}),
            "zerogate call: --timeout: write 1ms to 1h; see 'zerogate call --help'\n");
}

TEST(CommandLine, UsageErrorsKeepPasswords) {
  EXPECT_EQ(error_of({"serve", "--redsi=redis://:secret@h"}),
            "zerogate serve: unknown flag --redsi; did you mean --redis?\n");
  EXPECT_EQ(error_of({"serve", "redis://:secret@h"}),
            "zerogate serve: unexpected argument 'redis://:***@h'; see 'zerogate serve --help'\n");
}

TEST(CheckCommand, SaysOkOrEveryError) {
  const Environment none;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_check({"/dev/null", {}}, none, out, err), 0);
  EXPECT_EQ(out.str(), "/dev/null: ok\n");
  EXPECT_EQ(err.str(), "");
  out.str("");
  EXPECT_EQ(run_check({"/dev/null", {{"threads", "0"}, {"admin", "x"}}}, none, out, err), 2);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(),
            "--admin: 'x' has no port; write host:port, as in 127.0.0.1:9464\n"
            "--threads: '0' is out of range; write 1 to 256, or auto\n");
}

TEST(CheckCommand, ChecksWhatServeWouldTakeWithoutAFile) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_check({}, Environment(Environment::Variables{{"ZEROGATE_THREADS", "2"}}), out, err),
            0);
  EXPECT_EQ(out.str(), "configuration: ok\n");
  EXPECT_EQ(run_check({}, Environment(Environment::Variables{{"ZEROGATE_THREADS", "0"}}), out, err),
            2);
  out.str("");
  EXPECT_EQ(run_check({}, Environment(Environment::Variables{{"ZEROGATE_CONFIG", "/dev/null"}}),
                      out, err),
            0);
  EXPECT_EQ(out.str(), "/dev/null: ok\n");
}

TEST(CheckCommand, SaysWhatIsSurelyNotMeant) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_check({}, Environment(Environment::Variables{{"ZEROGATE_TREADS", "2"}}), out, err),
            0);
  EXPECT_EQ(out.str(),
            "configuration: warning: ZEROGATE_TREADS is no key and does nothing; did you mean "
            "ZEROGATE_THREADS?\n"
            "configuration: ok\n");
}

TEST(CheckCommand, SaysWhatTheConfigurationDecidesByItself) {
  const Environment none;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run_check({"/dev/null", {{"listen.zmq", "127.0.0.1:5559"}}}, none, out, err), 0);
  EXPECT_EQ(out.str(),
            "/dev/null: note: listen.tcp is off: its default address was given to listen.zmq "
            "(127.0.0.1:5559); set listen.tcp to have both\n"
            "/dev/null: ok\n");
}

}  // namespace
}  // namespace zerogate
