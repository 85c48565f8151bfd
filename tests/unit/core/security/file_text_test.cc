#include "core/security/file_text.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/base/unique_fd.h"

namespace zerogate {
namespace {

using ::testing::StartsWith;
using Kind = FileRules::Kind;

class FileText : public ::testing::Test {
 protected:
  FileText() {
    std::string name = ::testing::TempDir() + "file_text_XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~FileText() override { std::filesystem::remove_all(folder_); }

  static Result<std::string> read_as(const std::string& name, Kind kind) {
    return read_file_text(
        name,
        {.most_bytes = 100'000, .fix = "name another", .kind = kind, .writer_patience_ms = 20});
  }

  std::string folder_;
};

TEST_F(FileText, AFileIsReadWhole) {
  const std::string name = folder_ + "/file";
  const std::string text(100'000, 'x');
  std::ofstream(name) << text;
  for (const Kind kind : {Kind::file, Kind::any, Kind::repeatable}) {
    EXPECT_EQ(read_as(name, kind).value(), text);
  }
  std::ofstream(name) << text << 'x';
  EXPECT_EQ(read_as(name, Kind::file).error(), "is longer than 100000 bytes; name another");
  EXPECT_EQ(read_as(name + "s", Kind::file).error(),
            "cannot be read: No such file or directory; name another");
}

TEST_F(FileText, WhatIsNoFileIsRefused) {
  EXPECT_THAT(read_as(folder_, Kind::any).error(), StartsWith("is a folder, "));
  EXPECT_EQ(read_as("/dev/zero", Kind::file).error(), "is a device; name another");
  EXPECT_EQ(read_as("/dev/zero", Kind::any).error(), "is longer than 100000 bytes; name another");
  EXPECT_EQ(read_as("/dev/null", Kind::repeatable).value(), "");
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_as(pipe, Kind::file).error(), "is a pipe; name another");
  EXPECT_EQ(read_as(pipe, Kind::repeatable).error(),
            "is a pipe, which cannot be read a second time; name another");
  EXPECT_EQ(read_as(pipe, Kind::any).error(), "is a pipe that nothing writes to; name another");
}

TEST_F(FileText, APipesWriterMayTakeItsTime) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  Result<std::string> text = Error{"not read yet"};
  // Of /dev/fd, as a shell hands <(generate) over.
  std::thread reading(
      [&] { text = read_as("/dev/fd/" + std::to_string(reader.get()), Kind::any); });
  usleep(60'000);  // three times the patience with a writer that does not come
  ASSERT_EQ(write(writer.get(), "threads: ", 9), 9);
  ASSERT_EQ(write(writer.get(), "1\n", 2), 2);
  writer.reset();
  reading.join();
  EXPECT_EQ(text.value(), "threads: 1\n");
}

TEST_F(FileText, APipeThatSaidNothingIsEmpty) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  close(ends[1]);
  EXPECT_EQ(read_as("/dev/fd/" + std::to_string(reader.get()), Kind::any).value(), "");
}

TEST_F(FileText, ATerminalIsNotReadTwice) {
  const UniqueFd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(terminal);
  ASSERT_EQ(unlockpt(terminal.get()), 0);
  const std::string name = ptsname(terminal.get());
  EXPECT_EQ(read_as(name, Kind::repeatable).error(),
            "is a terminal, which cannot be read a second time; name another");
  EXPECT_EQ(read_as(name, Kind::file).error(), "is a device; name another");
}

TEST_F(FileText, AFileThatCannotBeReadIsAnError) {
  // Nothing is mapped where the memory of a process begins.
  EXPECT_EQ(read_as("/proc/self/mem", Kind::file).error(),
            "cannot be read: Input/output error; name another");
}

}  // namespace
}  // namespace zerogate
