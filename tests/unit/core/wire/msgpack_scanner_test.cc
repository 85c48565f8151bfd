#include "core/wire/msgpack_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/core/wire/reference_scan.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;
using testing::RandomValues;
using testing::reference_scan;
using testing::times;

/// What a scanner says of `bytes` that come in parts of `part` bytes. Each call has a copy of what
/// has come, so that the address sanitizer sees a read past the end.
Scan scan_in_parts(ByteView bytes, size_t part) {
  Scanner scanner;
  Scan scan;
  for (size_t size = 0;; size = std::min(size + part, bytes.size())) {
    const std::string front(bytes.substr(0, size));
    scan = scanner.scan(front);
    if (scan.error != ScanError::truncated || size == bytes.size()) {
      return scan;
    }
  }
}

void expect_as_reference(ByteView bytes, size_t part) {
  const Scan ours = scan_in_parts(bytes, part);
  const Scan theirs = reference_scan(bytes);
  ASSERT_EQ(ours.error, theirs.error) << part << " " << ::testing::PrintToString(bytes);
  ASSERT_EQ(ours.length, theirs.length) << part << " " << ::testing::PrintToString(bytes);
}

TEST(Scanner, MeasuresWhatComesByteByByte) {
  RandomValues values(11);
  for (int round = 0; round < 500; ++round) {
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(values.value(), 1));
  }
}

TEST(Scanner, MeasuresAValueThatIsCutAtAnyByte) {
  RandomValues values(12);
  for (int round = 0; round < 200; ++round) {
    const std::string bytes = values.value() + "\xc1";
    for (size_t cut = 0; cut < bytes.size() - 1; ++cut) {
      Scanner scanner;
      const std::string front = bytes.substr(0, cut);
      ASSERT_EQ(scanner.scan(front).error, ScanError::truncated);
      ASSERT_EQ(scanner.scan(bytes).length, bytes.size() - 1);
    }
  }
}

TEST(Scanner, JudgesRandomAndDamagedBytesAsMsgpackCxxDoes) {
  RandomValues values(13);
  for (int round = 0; round < 20000; ++round) {
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(values.bytes(values.below(64)), 1));
    std::string bytes = values.value() + values.bytes(values.below(3));
    for (uint64_t hits = values.below(4); hits > 0; --hits) {
      bytes[values.below(bytes.size())] = static_cast<char>(values.below(256));
    }
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(bytes, 1 + values.below(16)));
  }
}

/// Values of one byte or two in lists in lists, which is what takes the most of a scan.
std::string small_mixed_values(RandomValues& values, size_t count) {
  static constexpr const char* kHeads[] = {"\x01", "\xe0", "\xa0", "\x90", "\x80",    "\xa1x",
                                           "\x91", "\x92", "\x81", "\xc0", "\xcc\x01"};
  std::string bytes;
  for (; count > 0; --count) {
    bytes += kHeads[values.below(std::size(kHeads))];
    if (values.below(8) == 0) {
      bytes += times(values.below(40), "\x07");
    }
  }
  return bytes;
}

TEST(Scanner, JudgesSmallMixedValuesAsMsgpackCxxDoes) {
  RandomValues values(14);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = "\xdc";
    bytes += static_cast<char>(values.below(2));
    bytes += static_cast<char>(values.below(256));
    bytes += small_mixed_values(values, values.below(400));
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(bytes, bytes.size()));
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(bytes, 1 + values.below(32)));
  }
}

TEST(Scanner, KnowsItsLevelHoweverItGotThere) {
  for (const char* level : {"91", "8100", "9201", "9190", "dc0001", "df0000000100"}) {
    const std::string head = from_hex(level);
    for (const size_t levels : {kMaxDepth - 1, kMaxDepth, kMaxDepth + 1}) {
      for (const char* last : {"", "\xc0", "\x90", "\xc1"}) {
        const std::string bytes = times(levels, head) + last;
        ASSERT_NO_FATAL_FAILURE(expect_as_reference(bytes, 7));
        // In a list of which more follows, and twice in it.
        ASSERT_NO_FATAL_FAILURE(expect_as_reference("\x93" + bytes + bytes + "\x01", 100));
      }
    }
  }
}

TEST(Scanner, ABodyThatIsStillToComeIsSkippedWithoutALook) {
  const std::string head = from_hex("92 db 00100000");
  const std::string bytes = head + std::string(1 << 20, '\xc1') + "\x01";
  ASSERT_NO_FATAL_FAILURE(expect_as_reference(bytes, 64 << 10));
  Scanner scanner;
  EXPECT_EQ(scanner.scan(head).error, ScanError::truncated);
  EXPECT_EQ(scanner.scan(ByteView(bytes).substr(0, bytes.size() - 1)).error, ScanError::truncated);
  EXPECT_EQ(scanner.scan(bytes).length, bytes.size());
}

TEST(Scanner, StaysWithItsAnswer) {
  const std::string good = from_hex("92 01 02");
  Scanner whole;
  EXPECT_EQ(whole.scan(good).length, 3u);
  EXPECT_EQ(whole.scan(good + "\xc1").length, 3u);
  const std::string bad = from_hex("93 01 c1");
  Scanner invalid;
  EXPECT_EQ(invalid.scan(bad).error, ScanError::invalid);
  EXPECT_EQ(invalid.scan(bad + "\x01").error, ScanError::invalid);
  Scanner shallow(1);
  EXPECT_EQ(shallow.scan(from_hex("9190")).error, ScanError::too_deep);
  EXPECT_EQ(shallow.scan(from_hex("919001")).error, ScanError::too_deep);
}

}  // namespace
}  // namespace zerogate::wire
