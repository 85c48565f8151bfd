// Whether systemd's journal reads what this process says.
#pragma once

#include "gateway/host/environment.h"

namespace zerogate {

/// True when stderr is the stream that JOURNAL_STREAM names ("device:inode"): only then the journal
/// reads it, and not a shell or a pipe that was put in its place.
bool stderr_is_journal(const Environment& environment);

}  // namespace zerogate
