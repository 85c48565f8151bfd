// The files of certificates, read and judged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/security/tls_context.h"

namespace zerogate {

/// Names of files in PEM; empty: none.
struct TlsFiles {
  const std::string& cert;
  const std::string& key;
  const std::string& ca;
};

/// Takes what is wrong: the key of the file, as in "tls.cert", and what would fix it.
using TlsFileReport = std::function<void(std::string_view key, const std::string& message)>;

struct TlsFileReports {
  TlsFileReport fail;
  TlsFileReport warn;  ///< of what is hardly meant, though it can be used
  TlsFileReport note;  ///< of what may be meant
};

/// `material`, which has the rules, with what the files say. Null when it cannot be used: then
/// `fail` has heard why. Blocks. Any thread.
std::shared_ptr<const TlsMaterial> read_tls_files(const TlsFiles& files, TlsSide side,
                                                  TlsMaterial material,
                                                  const TlsFileReports& reports);

}  // namespace zerogate
