#include "core/security/file_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/unique_fd.h"
#include "core/base/unreadable.h"

namespace zerogate {
namespace {

constexpr size_t kBlockBytes = 16 << 10;

/// To open a pipe would wait for its writer, for ever. Without waiting, a file that someone has a
/// lease on (as Samba's server takes them) cannot be opened.
UniqueFd open_without_writer(const std::string& name) {
  UniqueFd fd(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == EWOULDBLOCK) {
    fd = UniqueFd(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  }
  return fd;
}

/// What it is instead of a file; empty: it may be read.
std::string_view wrong_kind(int fd, FileRules::Kind kind) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode)) {
    return "";
  }
  if (S_ISDIR(status.st_mode)) {
    return "is a folder, which container engines make where a file to mount is missing";
  }
  const bool is_pipe = S_ISFIFO(status.st_mode);
  const bool once = is_pipe || isatty(fd) != 0;
  if (kind == FileRules::Kind::any || (kind == FileRules::Kind::repeatable && !once)) {
    return "";
  }
  if (kind == FileRules::Kind::repeatable) {
    return is_pipe ? "is a pipe, which cannot be read a second time"
                   : "is a terminal, which cannot be read a second time";
  }
  return is_pipe ? "is a pipe" : "is a device";
}

}  // namespace

Result<std::string> read_file_text(const std::string& name, const FileRules& rules) {
  const auto unreadable = [&](int error) {
    return Error{fmt::format("cannot be read: {}; {}", std::strerror(error),
                             fix_of_unreadable(error, rules.fix, rules.modes))};
  };
  const UniqueFd fd = open_without_writer(name);
  if (!fd) {
    return unreadable(errno);
  }
  if (const std::string_view what = wrong_kind(fd.get(), rules.kind); !what.empty()) {
    return Error{fmt::format("{}; {}", what, rules.fix)};
  }
  std::string text;
  std::array<char, kBlockBytes> block{};
  while (text.size() <= rules.most_bytes) {
    pollfd readable{fd.get(), POLLIN, 0};
    const bool waited = poll(&readable, 1, rules.writer_patience_ms) == 0;
    const ssize_t got = read(fd.get(), block.data(), block.size());
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
      return unreadable(errno);
    }
    if (got == 0 && waited) {
      return Error{fmt::format("is a pipe that nothing writes to; {}", rules.fix)};
    }
    if (got == 0) {
      return text;
    }
    text.append(block.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }
  return Error{fmt::format("is longer than {} bytes; {}", rules.most_bytes, rules.fix)};
}

}  // namespace zerogate
