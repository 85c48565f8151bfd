#include "gateway/host/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zerogate {

bool stderr_is_journal(const Environment& environment) {
  struct stat stream {};
  return fstat(STDERR_FILENO, &stream) == 0 &&
         environment("JOURNAL_STREAM") == fmt::format("{}:{}", stream.st_dev, stream.st_ino);
}

}  // namespace zerogate
