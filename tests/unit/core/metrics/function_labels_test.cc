#include "core/metrics/function_labels.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "core/log/log.h"
#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

std::vector<std::string> numbered(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    names.push_back("f" + std::to_string(i));
  }
  return names;
}

TEST(FunctionLabelsTest, KnownNamesHaveTheirOwnLabelInOrder) {
  const FunctionLabels labels({"hello_world", "echo"});
  ASSERT_EQ(labels.known(), 2U);
  EXPECT_EQ(labels.name(0), "hello_world");
  EXPECT_EQ(labels.find("hello_world"), 0U);
  EXPECT_EQ(labels.find("echo"), 1U);
}

TEST(FunctionLabelsTest, EveryOtherNameIsOther) {
  const FunctionLabels labels({"echo"});
  EXPECT_EQ(labels.name(labels.other()), "_other");
  EXPECT_LT(labels.other(), FunctionLabels::kLabels);
  for (const char* name : {"", "ech", "echo2", "Echo", "_other"}) {
    EXPECT_EQ(labels.find(name), labels.other()) << name;
  }
  EXPECT_EQ(labels.find(std::string(1'000'000, 'a')), labels.other());
}

TEST(FunctionLabelsTest, WithoutNamesThereIsOnlyOther) {
  const FunctionLabels labels({});
  EXPECT_EQ(labels.known(), 0U);
  EXPECT_EQ(labels.find("echo"), labels.other());
}

TEST(FunctionLabelsTest, ANameGivenTwiceHasOneLabel) {
  const FunctionLabels labels({"echo", "echo", "save"});
  EXPECT_EQ(labels.known(), 2U);
  EXPECT_EQ(labels.find("save"), 1U);
}

TEST(FunctionLabelsTest, NamesBeyondTheLimitAreOther) {
  const FunctionLabels labels(numbered(FunctionLabels::kMaxNames + 50));
  EXPECT_EQ(labels.known(), FunctionLabels::kMaxNames);
  EXPECT_EQ(labels.find("f199"), 199U);
  EXPECT_EQ(labels.find("f200"), labels.other());
}

TEST(FunctionLabelsTest, ALearnedNameIsFoundAndKeepsItsLabel) {
  FunctionLabels labels({"echo"});
  EXPECT_EQ(labels.find("save_order"), labels.other());
  EXPECT_EQ(labels.learn("save_order"), 1U);
  EXPECT_EQ(labels.find("save_order"), 1U);
  EXPECT_EQ(labels.name(1), "save_order");
  EXPECT_EQ(labels.learn("get_order"), 2U);
  EXPECT_EQ(labels.learn("save_order"), 1U);
  EXPECT_EQ(labels.find("echo"), 0U);
  EXPECT_EQ(labels.known(), 3U);
}

TEST(FunctionLabelsTest, WhenFullNothingIsLearnedAndAllIsFound) {
  FunctionLabels labels({});
  for (const std::string& name : numbered(FunctionLabels::kMaxNames)) {
    ASSERT_TRUE(labels.learn(name).has_value());
  }
  EXPECT_EQ(labels.learn("one_more"), std::nullopt);
  EXPECT_EQ(labels.find("one_more"), labels.other());
  EXPECT_EQ(labels.learn("f7"), 7U);
  for (size_t i = 0; i < FunctionLabels::kMaxNames; ++i) {
    EXPECT_EQ(labels.find("f" + std::to_string(i)), i);
    EXPECT_EQ(labels.name(static_cast<FunctionLabel>(i)), "f" + std::to_string(i));
  }
}

TEST(FunctionLabelsTest, WhatMakesNoGoodLabelIsRefused) {
  FunctionLabels labels({});
  const std::vector<std::string> bad = {"",
                                        "_other",
                                        std::string(81, 'a'),
                                        "a\nb",
                                        std::string("a\0b", 3),
                                        "a\x1f",
                                        "\x7f",
                                        "a\xff",
                                        "a\xc3",         // half a character
                                        "\xed\xa0\x80",  // a surrogate
                                        "a\xc2\x85"      // next line, a C1 control
                                        "b",
                                        "a\xe2\x80\xa8"  // line separator
                                        "b",
                                        "a\xe2\x80\xae"  // right-to-left override
                                        "b",
                                        "a\xe2\x81\xa7",  // right-to-left isolate
                                        "a\xe2\x80\x8b",  // zero width space
                                        "\xef\xbb\xbf"    // byte order mark
                                        "a"};
  for (const std::string& name : bad) {
    EXPECT_EQ(labels.learn(name), std::nullopt) << ::testing::PrintToString(name);
    EXPECT_EQ(labels.find(name), labels.other()) << ::testing::PrintToString(name);
  }
  EXPECT_EQ(labels.known(), 0U);
}

TEST(FunctionLabelsTest, AnyPrintableTextMakesALabel) {
  FunctionLabels labels({});
  const std::vector<std::string> good = {std::string(80, 'a'),
                                         "a b",
                                         "Größe",
                                         "\xe6\xb3\xa8",
                                         "say \"hi\"\\",
                                         "\xc2\xa0"
                                         "\xe2\x80\xa7\xe2\x80\xaf"};
  for (const std::string& name : good) {
    EXPECT_TRUE(labels.learn(name).has_value()) << name;
  }
  EXPECT_EQ(labels.known(), good.size());
}

// Under the thread sanitizer too: readers see whole names, and no name gets two labels.
TEST(FunctionLabelsTest, ThreadsThatLearnTheSameNamesAgree) {
  constexpr size_t kWriters = 4, kNames = 300;  // more than there is room for
  FunctionLabels labels({"echo"});
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const size_t known = labels.known();
      for (FunctionLabel label = 0; label < known; ++label) {
        const FunctionLabel found = labels.find(labels.name(label));  // or not yet
        if (found != label && found != labels.other()) {
          ADD_FAILURE() << labels.name(label);
        }
      }
    }
  });
  std::vector<std::map<std::string, FunctionLabel>> seen(kWriters);
  std::vector<std::thread> writers;
  for (size_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (size_t i = 0; i < kNames; ++i) {
        const std::string name = "f" + std::to_string((i + writer * 37) % kNames);
        const std::optional<FunctionLabel> label = labels.learn(name);
        if (!label) {
          continue;
        }
        seen[writer][name] = *label;
        EXPECT_EQ(labels.find(name), *label);
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  stop = true;
  reader.join();

  EXPECT_EQ(labels.known(), FunctionLabels::kMaxNames);
  std::map<FunctionLabel, std::string> names;
  for (const auto& one : seen) {
    for (const auto& [name, label] : one) {
      EXPECT_EQ(names.emplace(label, name).first->second, name);
      EXPECT_EQ(labels.name(label), name);
    }
  }
  EXPECT_EQ(names.size(), FunctionLabels::kMaxNames - 1);  // all but "echo"
}

// Under the thread sanitizer above all.
TEST(FunctionLabelsTest, LiveNamesAreWholeThoughTheyComeAndGo) {
  const std::string name = "a name that no std::string has room for in itself";
  FunctionLabels labels({});
  std::atomic<bool> stop{false};
  std::latch begin(2);
  std::thread reader([&] {
    begin.arrive_and_wait();
    while (!stop) {
      for (const LiveLabel& live : labels.live()) {
        EXPECT_EQ(live.name, name);
      }
    }
  });
  begin.arrive_and_wait();
  for (int round = 0; round < 50'000; ++round) {
    const FunctionLabel label = labels.learn(name).value();
    labels.retire(label);
    labels.release(label, nullptr);
  }
  stop = true;
  reader.join();
}

TEST(FunctionLabelsTest, AForgottenNameMakesRoomForAnother) {
  FunctionLabels labels(numbered(FunctionLabels::kMaxNames));
  labels.retire(7);
  EXPECT_EQ(labels.known(), FunctionLabels::kMaxNames - 1);
  EXPECT_EQ(labels.find("f7"), labels.other());
  EXPECT_EQ(labels.learn("new"), std::nullopt) << "a worker may still count under it";
  labels.release(7, std::make_shared<LabelBase>());
  EXPECT_EQ(labels.name_now(7), "");
  EXPECT_EQ(labels.learn("new"), 7U);
  EXPECT_EQ(labels.find("new"), 7U);
  EXPECT_EQ(labels.name(7), "new");
  EXPECT_EQ(labels.learn("f7"), std::nullopt);
  EXPECT_EQ(labels.known(), FunctionLabels::kMaxNames);
  const std::vector<LiveLabel> live = labels.live();
  ASSERT_EQ(live.size(), FunctionLabels::kMaxNames);
  EXPECT_EQ(live[7].name, "new");
  EXPECT_NE(live[7].base, nullptr);
  EXPECT_EQ(live[8].base, nullptr);
}

TEST(FunctionLabelsTest, NamesComeAndGoForEverAndAllAreFound) {
  FunctionLabels labels({});
  std::map<std::string, FunctionLabel> now;
  for (size_t i = 0; i < 20'000; ++i) {
    const std::string name = "f" + std::to_string(i);
    const auto label = labels.learn(name);
    ASSERT_TRUE(label);
    now[name] = *label;
    if (now.size() == FunctionLabels::kMaxNames) {
      const auto goes = std::next(now.begin(), static_cast<long>(i * 7 % now.size()));
      labels.retire(goes->second);
      labels.release(goes->second, nullptr);
      EXPECT_EQ(labels.find(goes->first), labels.other());
      now.erase(goes);
    }
  }
  for (const auto& [name, label] : now) {
    EXPECT_EQ(labels.find(name), label);
  }
  EXPECT_EQ(labels.find("nothing"), labels.other());
}

TEST(FunctionLabelsTest, TheLimitIsToldOnce) {
  std::vector<std::string> lines;
  log::configure(log::Level::info, log::Format::logfmt,
                 [&](std::string_view line) { lines.emplace_back(line); });
  FunctionLabels labels({});
  for (size_t i = 0; i < FunctionLabels::kMaxNames; ++i) {
    labels.learn("f" + std::to_string(i));
  }
  EXPECT_TRUE(lines.empty());
  labels.learn(std::string("\n"));  // which would be no label anyway
  labels.learn("f0");
  EXPECT_TRUE(lines.empty());
  labels.learn("one");
  labels.learn("more");
  log::configure(log::Level::info, log::Format::logfmt);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("level=warn"), std::string::npos);
  EXPECT_NE(lines[0].find("all function labels are taken"), std::string::npos);
  EXPECT_NE(lines[0].find("limit=200 function=one"), std::string::npos);
}

TEST(FunctionLabelsTest, TheLimitIsToldAgainWhenALabelWasFreeMeanwhile) {
  std::vector<std::string> lines;
  log::configure(log::Level::info, log::Format::logfmt,
                 [&](std::string_view line) { lines.emplace_back(line); });
  FunctionLabels labels(numbered(FunctionLabels::kMaxNames));
  labels.learn("first");
  labels.retire(7);
  labels.learn("second");  // the label is not free yet
  labels.release(7, nullptr);
  EXPECT_EQ(labels.learn("third"), 7U);
  EXPECT_EQ(lines.size(), 1u);
  labels.learn("fourth");
  labels.learn("fifth");
  log::configure(log::Level::info, log::Format::logfmt);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("function=first"), std::string::npos);
  EXPECT_NE(lines[1].find("function=fourth"), std::string::npos);
}

TEST(FunctionLabelsTest, ANameIsAskedForWhileAnotherIsForgotten) {
  FunctionLabels labels({});
  const FunctionLabel stays = *labels.learn("stays");
  const auto forget = [&] {
    const FunctionLabel goes = *labels.learn("goes");
    labels.retire(goes);
    labels.release(goes, nullptr);
  };
  testing::beside(forget, [&] { labels.name_now(stays); });
  testing::beside(forget, [&] { labels.name_now(stays + 1); });
  testing::beside(forget, [&] { labels.live(); });
}

}  // namespace
}  // namespace zerogate
