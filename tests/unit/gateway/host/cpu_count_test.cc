#include "gateway/host/cpu_count.h"

#include <gtest/gtest.h>

#include "cgroup_files.h"

namespace zerogate {
namespace {

TEST(CpuCount, ReadsCgroupV2) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_max(""), std::nullopt);
  EXPECT_EQ(parse_cpu_max("100000"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("100000 0"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("a b"), std::nullopt);
}

TEST(CpuCount, ReadsCgroupV1) {
  EXPECT_EQ(parse_cfs("400000\n", "100000\n"), 4.0);
  EXPECT_EQ(parse_cfs("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs("", ""), std::nullopt);
}

TEST(CpuCount, TakesTheTightestQuotaUpToTheRoot) {
  EXPECT_EQ(cpu_quota(files({{"/proc/self/cgroup", "0::/a/b\n"},
                             {"/sys/fs/cgroup/a/b/cpu.max", "max 100000"},
                             {"/sys/fs/cgroup/a/cpu.max", "200000 100000"},
                             {"/sys/fs/cgroup/cpu.max", "300000 100000"}})),
            2.0);
}

TEST(CpuCount, SeesTheRootWithinAContainer) {
  EXPECT_EQ(cpu_quota(files(
                {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "250000 100000"}})),
            2.5);
  EXPECT_EQ(cpu_quota(files({{"/proc/self/cgroup", "2:cpu,cpuacct:/docker/of/the/host\n"},
                             {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
                             {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}})),
            3.0);
}

TEST(CpuCount, HasNoQuotaWithoutFiles) { EXPECT_EQ(cpu_quota(files({})), std::nullopt); }

TEST(CpuCount, UsesWholeCpusAndAtLeastOne) {
  EXPECT_EQ(usable_cpus(8, std::nullopt), 8u);
  EXPECT_EQ(usable_cpus(8, 2.0), 2u);
  EXPECT_EQ(usable_cpus(8, 2.9), 2u);
  EXPECT_EQ(usable_cpus(8, 0.5), 1u);
  EXPECT_EQ(usable_cpus(2, 64.0), 2u);
  EXPECT_EQ(usable_cpus(0, std::nullopt), 1u);
  EXPECT_GE(cpu_count(), 1u);
}

}  // namespace
}  // namespace zerogate
