// The files of CURVE keys: those that a configuration names are read and judged, and new ones made.
// Blocks. Errors are one line that says what would fix it, and never repeat a key.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/result.h"
#include "core/security/curve_certificate.h"
#include "core/security/curve_clients.h"

namespace zerogate {

inline constexpr size_t kMaxCurveClients = 100'000;    ///< files in the folder: 20 MB of memory
inline constexpr size_t kMaxCurveFileBytes = 1 << 16;  ///< a certificate has a few hundred
inline constexpr size_t kMaxCurveNameBytes = 63;       ///< it stands in log lines

/// A secret key, whose file others than its owner and group may not read.
Result<CurveKeyFile> read_curve_secret_key(const std::string& file);
/// A server's public key.
Result<CurveKeyFile> read_curve_public_key(const std::string& file);
/// A public certificate for each client, or `any`. A client's name is its file's, without the last
/// dot and what follows it. Hidden files, and secret certificates by pyzmq's name (*_secret), are
/// passed over.
Result<CurveClientKeys> read_curve_clients(const std::string& folder);

/// Writes a new pair into NAME.key and NAME.key_secret, of which its owner alone may read the
/// second. Files that are there already stay, which is an error. The text says what to do with
/// them.
Result<std::string> make_curve_files(const std::string& name);

}  // namespace zerogate
