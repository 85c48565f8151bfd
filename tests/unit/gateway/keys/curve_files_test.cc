#include "gateway/keys/curve_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gateway/admin/admin_access.h"

namespace zerogate {
namespace {

using ::testing::EndsWith;

constexpr uid_t kNobody = 65534;

/// Root reads every file, so it becomes another user for as long as this lives.
class AsAnother {
 public:
  AsAnother() { EXPECT_TRUE(geteuid() != 0 || seteuid(kNobody) == 0); }
  ~AsAnother() { EXPECT_TRUE(getuid() != 0 || seteuid(0) == 0); }
  AsAnother(const AsAnother&) = delete;
  AsAnother& operator=(const AsAnother&) = delete;
};

TEST(CurveFiles, OneThatMayNotBeReadNamesTheRightsThatLackAndNoNewKeys) {
  const std::string folder = ::testing::TempDir() + "curve_files_" + std::to_string(getpid());
  const std::string name = folder + "/gateway";
  std::filesystem::create_directory(folder);
  ASSERT_TRUE(make_curve_files(name));
  chmod(folder.c_str(), 0);
  {
    const AsAnother user;
    const char* const fix =
        "Permission denied; let the gateway's user read it, by its group and "
        "mode 0640 (a folder: 0750), say";
    EXPECT_THAT(read_curve_secret_key(name + ".key_secret").error(), EndsWith(fix));
    EXPECT_THAT(read_curve_public_key(name + ".key").error(), EndsWith(fix));
    EXPECT_THAT(read_curve_clients(folder).error(), EndsWith(fix));
    EXPECT_THAT(read_token(name + ".key").error(),
                EndsWith("let the gateway's user read it, by its group and mode 0640, say"));
  }
  chmod(folder.c_str(), S_IRWXU);
  errno = EACCES;  // of something else
  EXPECT_THAT(
      read_curve_secret_key(folder).error(),
      EndsWith("is a folder, which container engines make where a file to mount is missing; "
               "zerogate keys curve NAME makes a pair"));
  EXPECT_THAT(read_curve_secret_key(name + "s").error(),
              EndsWith("No such file or directory; zerogate keys curve NAME makes a pair"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace zerogate
