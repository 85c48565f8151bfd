// A pipe in place of stderr, whose reader is the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/base/unique_fd.h"

namespace zerogate::log {

/// stderr is a pipe while this is there.
class StderrPipe {
 public:
  StderrPipe() : kept_(dup(STDERR_FILENO)) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_.reset(ends[0]);
    const UniqueFd write(ends[1]);
    dup2(write.get(), STDERR_FILENO);
  }
  ~StderrPipe() { dup2(kept_.get(), STDERR_FILENO); }
  /// Takes what is there until there are `lines` lines.
  std::string read_lines(size_t lines) {
    std::string text;
    std::array<char, 65536> part;
    while (static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) < lines) {
      const ssize_t size = ::read(read_.get(), part.data(), part.size());
      if (size <= 0) {
        break;
      }
      text.append(part.data(), static_cast<size_t>(size));
    }
    return text;
  }
  /// Who writes to it does not wait when it is full: it is like a disk then.
  void be_impatient(bool on) { fcntl(STDERR_FILENO, F_SETFL, on ? O_NONBLOCK : 0); }
  /// Who writes a line to it waits until it is read.
  void fill() {
    be_impatient(true);
    const std::array<char, 4096> page{};
    while (::write(STDERR_FILENO, page.data(), page.size()) > 0) {
    }
    be_impatient(false);
  }

 private:
  UniqueFd kept_, read_;
};

}  // namespace zerogate::log
