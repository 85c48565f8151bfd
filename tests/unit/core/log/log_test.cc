#include "core/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/unit/core/base/beside.h"
#include "tests/unit/core/log/stderr_pipe.h"

namespace {
struct CountsFormatting {
  int* count;
};
struct ThrowsOnFormatting {};
}  // namespace

template <>
struct fmt::formatter<CountsFormatting> : fmt::formatter<int> {
  auto format(const CountsFormatting& value, fmt::format_context& context) const {
    return fmt::formatter<int>::format(++*value.count, context);
  }
};

template <>
struct fmt::formatter<ThrowsOnFormatting> : fmt::formatter<int> {
  auto format(const ThrowsOnFormatting&, fmt::format_context&) const
      -> fmt::format_context::iterator {
    throw std::runtime_error("no text");
  }
};

namespace zerogate::log {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

class LogTest : public ::testing::Test {
 protected:
  void capture(Level level, Format format) {
    configure(level, format, [this](std::string_view line) { lines.emplace_back(line); });
  }
  /// The one line's text after the time stamp.
  std::string rest() const {
    EXPECT_THAT(lines, SizeIs(1));
    return lines.empty() ? "" : lines[0].substr(lines[0].find(" level=") + 1);
  }
  json only_object() const {
    EXPECT_THAT(lines, SizeIs(1));
    return json::parse(lines.at(0));
  }
  ~LogTest() override { configure(Level::info, Format::logfmt); }

  std::vector<std::string> lines;
};

TEST_F(LogTest, LogfmtLineHasTimeLevelEventAndFields) {
  capture(Level::info, Format::logfmt);
  info("redis up", {{"redis", "127.0.0.1:6379"}, {"attempt", 3}, {"again", true}});
  EXPECT_EQ(rest(), R"(level=info event="redis up" redis=127.0.0.1:6379 attempt=3 again=true)");
  EXPECT_THAT(
      lines[0],
      MatchesRegex(
          "ts=20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z .*"));
}

TEST_F(LogTest, TheJournalReadsALinesPriorityAtItsBegin) {
  tell_priorities(true);
  for (const Format format : {Format::logfmt, Format::json}) {
    capture(Level::debug, format);
    debug("a");
    info("a");
    warn("a");
    error("a");
  }
  tell_priorities(false);
  info("a");
  std::vector<std::string> begins;
  for (const std::string& line : lines) {
    begins.push_back(line.substr(0, 4));
  }
  EXPECT_THAT(begins,
              ElementsAre("<7>t", "<6>t", "<4>t", "<3>t", "<7>{", "<6>{", "<4>{", "<3>{", "{\"ts"));
}

TEST_F(LogTest, LogfmtQuotesWhatNeedsIt) {
  capture(Level::info, Format::logfmt);
  info("started", {{"empty", ""},
                   {"equals", "a=b"},
                   {"quote", "a\"b"},
                   {"path", "a\\b"},
                   {"lines", "a\nb\rc\td"},
                   {"greek", "\u03b1"}});
  EXPECT_EQ(rest(),
            "level=info event=started empty=\"\" equals=\"a=b\" quote=\"a\\\"b\" "
            "path=\"a\\\\b\" lines=\"a\\nb\\rc\\td\" greek=\"\u03b1\"");
}

TEST_F(LogTest, ControlCharactersAndBrokenUtf8CannotReachATerminal) {
  for (const Format format : {Format::logfmt, Format::json}) {
    lines.clear();
    capture(Level::info, format);
    info("bytes", {{"v", std::string("\x1b[2J\0\x7f\xc2\x9b\xff\xc3", 10)}});
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr(R"("\u001b[2J\u0000\u007f\u009b)"
                                    "\ufffd\ufffd\""));
  }
}

TEST_F(LogTest, TextThatForgesOrHidesIsEscaped) {
  for (const Format format : {Format::logfmt, Format::json}) {
    lines.clear();
    capture(Level::info, format);
    info("names", {{"v", "\u202eevil\u2066\u2028\u0085\ufeff\u200b\U000e0041 \u03b1\u6f22"}});
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr(R"("\u202eevil\u2066\u2028\u0085\ufeff\u200b\udb40\udc41 )"
                                    "\u03b1\u6f22\""));
  }
}

TEST_F(LogTest, JsonLineIsOneObjectInOrder) {
  capture(Level::info, Format::json);
  warn("backend \"a\" down", {{"port", 5559}, {"ratio", 0.5}, {"up", false}, {"name", "7"}});
  const json object = only_object();
  EXPECT_EQ(object["level"], "warn");
  EXPECT_EQ(object["event"], "backend \"a\" down");
  EXPECT_EQ(object["port"], 5559);
  EXPECT_EQ(object["ratio"], 0.5);
  EXPECT_EQ(object["up"], false);
  EXPECT_EQ(object["name"], "7");
  EXPECT_THAT(lines[0], StartsWith(R"({"ts":"20)"));
}

TEST_F(LogTest, JsonStaysValidForAnyByteAndAnyNumber) {
  capture(Level::info, Format::json);
  for (int first = 0; first < 256; ++first) {
    const std::string value = {static_cast<char>(first), static_cast<char>(255 - first)};
    info(value, {{"v", value}, {"c", static_cast<char>(first)}});
  }
  info("numbers",
       {{"nan", std::nan("")}, {"inf", -INFINITY}, {"large", 1e300}, {"min", INT64_MIN}});
  ASSERT_THAT(lines, SizeIs(257));
  for (const std::string& line : lines) {
    EXPECT_TRUE(json::accept(line)) << line;
    EXPECT_EQ(line.find('\n'), line.npos);
  }
}

TEST_F(LogTest, LevelsAreFilteredAndValuesNotFormattedThen) {
  int formatted = 0;
  capture(Level::warn, Format::logfmt);
  debug("a", {{"v", CountsFormatting{&formatted}}});
  info("b", {{"v", CountsFormatting{&formatted}}});
  EXPECT_EQ(formatted, 0);
  warn("c", {{"v", CountsFormatting{&formatted}}});
  error("d");
  EXPECT_EQ(formatted, 1);
  EXPECT_THAT(lines, SizeIs(2));

  set_level(Level::debug);
  EXPECT_EQ(level(), Level::debug);
  debug("e");
  set_level(Level::off);
  error("f");
  write(Level::off, "g", {});
  EXPECT_THAT(lines, SizeIs(3));
}

TEST_F(LogTest, LongValuesAreCut) {
  capture(Level::info, Format::logfmt);
  info("long", {{"v", std::string(3 * kMaxValueBytes, 'x')}});
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_LT(lines[0].size(), kMaxValueBytes + 200);
  EXPECT_THAT(lines[0], EndsWith("xxx..."));
  info("as long as may be", {{"v", std::string(kMaxValueBytes, 'x')}});
  EXPECT_THAT(lines[1], EndsWith("v=" + std::string(kMaxValueBytes, 'x')));
  info(std::string(kMaxValueBytes + 1, 'e'));
  EXPECT_THAT(lines[2], EndsWith("event=" + std::string(kMaxValueBytes, 'e') + "..."));
}

TEST_F(LogTest, NeverThrows) {
  capture(Level::info, Format::logfmt);
  info("odd", {{"v", ThrowsOnFormatting{}}});
  EXPECT_EQ(rest(), "level=info event=odd v=\"(no text)\"");

  configure(Level::info, Format::logfmt,
            [](std::string_view) { throw std::runtime_error("disk full"); });
  info("lost");
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  capture(Level::info, Format::logfmt);
  constexpr int kThreads = 4, kLines = 200;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([i] {
      for (int n = 0; n < kLines; ++n) {
        info("tick", {{"thread", i}, {"n", n}});
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(lines, SizeIs(kThreads * kLines));
  for (const std::string& line : lines) {
    EXPECT_THAT(line, MatchesRegex("ts=.* level=info event=tick thread=[0-9] n=[0-9]+"));
  }
}

TEST_F(LogTest, GoesToStderrByDefault) {
  configure(Level::info, Format::logfmt);
  ::testing::internal::CaptureStderr();
  info("hello");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), EndsWith("level=info event=hello\n"));
}

TEST_F(LogTest, InTheBackgroundEveryLineIsWrittenInOrder) {
  configure(Level::info, Format::logfmt);
  StderrPipe pipe;
  const uint64_t before = dropped();
  write_in_background();
  for (int i = 0; i < 100; ++i) {
    info("tick", {{"n", i}});
  }
  end_background(std::chrono::seconds(30));
  info("and at once again");
  const std::string text = pipe.read_lines(101);
  size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = text.find(" n=" + std::to_string(i) + "\n", at);
    ASSERT_NE(at, text.npos) << i;
  }
  EXPECT_THAT(text, EndsWith("event=\"and at once again\"\n"));
  EXPECT_EQ(dropped(), before);
}

// Under the thread sanitizer too.
TEST_F(LogTest, NoLineIsLostWhileTheBackgroundBeginsAndEnds) {
  configure(Level::info, Format::logfmt);
  StderrPipe pipe;
  const uint64_t before = dropped();
  constexpr size_t kThreads = 3, kLines = 300;
  std::string text;
  std::thread reader([&] { text = pipe.read_lines(kThreads * kLines); });
  std::atomic<size_t> writing = kThreads;
  std::vector<std::thread> writers;
  for (size_t i = 0; i < kThreads; ++i) {
    writers.emplace_back([&] {
      for (size_t n = 0; n < kLines; ++n) {
        info("tick");
      }
      --writing;
    });
  }
  while (writing > 0) {
    write_in_background();
    end_background(std::chrono::seconds(30));
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  const std::string instead_of_lost_ones(kThreads * kLines, '\n');
  EXPECT_EQ(::write(STDERR_FILENO, instead_of_lost_ones.data(), instead_of_lost_ones.size()),
            static_cast<ssize_t>(instead_of_lost_ones.size()));
  reader.join();
  size_t ticks = 0;
  for (size_t at = text.find("event=tick\n"); at != text.npos;
       at = text.find("event=tick\n", at + 1)) {
    ++ticks;
  }
  EXPECT_EQ(ticks, kThreads * kLines);
  EXPECT_EQ(dropped(), before);
}

// Nobody reads: whoever logs goes on, what does not fit is dropped and counted, and bulk lines go
// before the others do.
TEST_F(LogTest, AFullPipeHoldsNobodyUp) {
  configure(Level::info, Format::logfmt);
  StderrPipe pipe;
  write_in_background();
  const uint64_t before = dropped();
  const std::string filler(1'000, 'x');
  const Field fields[] = {{"filler", filler}};
  constexpr size_t kLines = 3 * kQueueLines;  // 64 KiB fit into the pipe
  for (size_t i = 0; i < kLines; ++i) {
    write_bulk(Level::info, "bulk", fields);
  }
  const uint64_t bulk_dropped = dropped() - before;
  EXPECT_GE(bulk_dropped, kLines - kQueueLines);
  for (size_t i = 0; i < kReservedLines / 2; ++i) {
    info("important", {{"n", i}});
  }
  EXPECT_EQ(dropped() - before, bulk_dropped) << "there was room for these";
  for (size_t i = 0; i < 2 * kQueueLines; ++i) {
    info("too many");
  }
  EXPECT_GT(dropped() - before, bulk_dropped);
  end_background(std::chrono::milliseconds(10));  // gives up, and does not hang
  info("lost or not, but no wait");
  const uint64_t all_dropped = dropped();
  std::thread reader([&] { pipe.read_lines(kQueueLines); });
  end_background(std::chrono::seconds(30));
  reader.join();
  EXPECT_EQ(dropped(), all_dropped) << "those of a background that has ended count on";
}

TEST_F(LogTest, LevelsHaveNames) {
  EXPECT_EQ(level_named("debug"), Level::debug);
  EXPECT_EQ(level_named("off"), Level::off);
  EXPECT_EQ(level_named("loud"), std::nullopt);
  EXPECT_EQ(level_named(""), std::nullopt);
  EXPECT_EQ(name_of(Level::warn), "warn");
}

TEST_F(LogTest, IsConfiguredWhileOthersWrite) {
  const auto nowhere = [](std::string_view) {};
  const auto write = [] { info("tick"); };
  configure(Level::info, Format::logfmt, nowhere);
  zerogate::testing::beside([&] { configure(Level::info, Format::json, nowhere); }, write);
  zerogate::testing::beside([] { set_format(Format::logfmt); }, write);
}

}  // namespace
}  // namespace zerogate::log
