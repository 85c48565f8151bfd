// The effective configuration: defaults, then file, then environment, then flags. Any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/security/file_text.h"
#include "gateway/config/config.h"
#include "gateway/config/settings.h"
#include "gateway/host/environment.h"

namespace zerogate {

/// Flags of `serve` and `check`, by configuration path ("listen.tcp"), as typed by the user.
using Overrides = std::map<std::string, std::string>;

/// Names the file when no flag does. An image's HEALTHCHECK sees the environment, but no flags.
inline constexpr const char* kConfigVariable = "ZEROGATE_CONFIG";

/// One per line, each with its place (file:line, the variable's or the flag's name) and what would
/// fix it.
struct ConfigErrors {
  std::vector<std::string> lines;
  /// What `admin` says all the same, for those who only want to ask the gateway that runs; empty
  /// when it is off, or a mistake itself.
  std::optional<Address> admin = std::nullopt;
  bool admin_https = false;                      ///< whether it says that that one speaks TLS
  log::Format log_format = log::Format::logfmt;  ///< unless that is a mistake itself
};

/// One a line, for people.
std::ostream& operator<<(std::ostream& out, const ConfigErrors& errors);

/// Loads and checks a configuration. `file` may be empty: then kConfigVariable may name one. All of
/// a configuration's errors are found in one go. `kind` is what the file may be.
std::variant<Config, ConfigErrors> load_config(const std::string& file,
                                               const Environment& environment,
                                               const Overrides& flags,
                                               const SettingsTable& table = settings(),
                                               FileRules::Kind kind = FileRules::Kind::any);

/// Takes what is wrong: the backend's name (empty: listen.tls), the key as in "tls.cert", and what
/// is wrong and would fix it.
using TlsReport =
    std::function<void(std::string_view backend, std::string_view key, const std::string& message)>;

struct TlsReports {
  TlsReport fail;
  TlsReport warn;  ///< of what is hardly meant, though it can be used
  TlsReport note;  ///< of what may be meant
};

/// Says which keys of TLS are missing. Reads no file.
void check_tls_keys(const Config& config, const TlsReport& fail);

/// Reads every file, and puts what they say into `tls_material` of the configuration and of its
/// backends. What cannot be used goes to `fail`, and its material is left as it is. Blocks.
void read_certificates(Config& config, const TlsReports& reports);

}  // namespace zerogate
