#include "core/base/large_block.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace zerogate::testing {
namespace {

struct FreeBlock {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<void, FreeBlock>;

constexpr size_t kMiB = 1 << 20;

/// Whether the kernel was asked to use huge pages for the memory at this address.
bool is_advised(const void* block) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(block);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    if (sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line.find(" hg") != line.npos;
    }
  }
  return false;
}

TEST(LargeBlock, HoldsWhatIsAskedFor) {
  for (const size_t bytes : {size_t{0}, size_t{1}, 2 * kMiB - 1, 2 * kMiB, 5 * kMiB + 7}) {
    const Block block(allocate_block(bytes));
    ASSERT_NE(block, nullptr);
    std::memset(block.get(), 7, bytes);
  }
}

TEST(LargeBlock, AsksForHugePagesFromTheirSizeOn) {
  const Block small(allocate_block(kMiB)), large(allocate_block(4 * kMiB + 100));
  EXPECT_FALSE(is_advised(small.get()));
  const bool has_huge_pages = std::filesystem::exists("/sys/kernel/mm/transparent_hugepage");
  EXPECT_EQ(is_advised(large.get()), has_huge_pages);
}

}  // namespace
}  // namespace zerogate::testing
