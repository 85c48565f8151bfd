// Codecs: how each kind of value in the configuration is written, once for all keys of that kind.
// Pure functions, any thread.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/address.h"
#include "core/base/address_range.h"
#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/base/result.h"
#include "core/rpc/rate_limit_options.h"
#include "core/security/curve_certificate.h"
#include "core/security/curve_clients.h"
#include "core/wire/server_url.h"
#include "gateway/config/setting.h"

namespace zerogate {

inline constexpr size_t kMaxUrls = 64;     ///< of one backend
inline constexpr size_t kMaxHosts = 64;    ///< in admin_hosts
inline constexpr size_t kMaxRanges = 256;  ///< in listen.allow: each newcomer is compared
inline constexpr size_t kMaxCertificateNames = 1000;  ///< in one list
inline constexpr size_t kMaxGlobs = 1000;             ///< in one list of functions
inline constexpr size_t kMaxBackendNameBytes = 63;    ///< it becomes a label's value

SettingValue off_value();
SettingValue text_value(std::string text);
SettingValue list_value(const std::vector<std::string>& words);

/// A codec of one word: `parse` takes a std::string and gives Result<V>, `show` gives it back.
template <class V, class Parse, class Show>
Codec<V> word(Parse parse, Show show) {
  return {[parse](const SettingValue& value, Problems& problems) -> std::optional<V> {
            Result<V> parsed = parse(value.text);
            if (!parsed) {
              problems.push_back({value.place, parsed.error()});
              return std::nullopt;
            }
            return std::move(parsed).value();
          },
          [show](const V& value) { return text_value(show(value)); }};
}

/// The codec's values, or off, which is `off_is`.
template <class V>
Codec<V> or_off(const Codec<V>& codec, const V& off_is) {
  using Kind = SettingValue::Kind;
  return {[=, parse = codec.parse](const SettingValue& value, Problems& problems) {
            return value.kind == Kind::off ? std::make_optional(off_is) : parse(value, problems);
          },
          [=, show = codec.show](const V& value) {
            return value == off_is ? std::make_optional(off_value()) : show(value);
          },
          true, codec.is_list};
}

/// The codec's values; `nothing` stands for none said. It is not shown, and cannot be written.
template <class V>
Codec<V> unless(const V& nothing, const Codec<V>& codec) {
  Codec<V> made = codec;
  made.show = [=, show = codec.show](const V& value) -> std::optional<SettingValue> {
    return value == nothing ? std::nullopt : show(value);
  };
  return made;
}

/// The codec that also takes `auto`, which is what `make` gives.
template <class Make>
Codec<uint32_t> or_auto(const Codec<uint32_t>& codec, Make make) {
  Codec<uint32_t> made = codec;
  made.parse = [make, parse = codec.parse](const SettingValue& value,
                                           Problems& problems) -> std::optional<uint32_t> {
    if (value.text == "auto") {
      return make();
    }
    const auto number = parse(value, problems);
    if (!number) {
      problems.back().message += ", or auto";
    }
    return number;
  };
  return made;
}

/// One of a few names, which stand in the order of the enumeration's values.
template <class Enum>
Codec<Enum> choice(const std::vector<std::string>& names) {
  const auto parse = [names](const std::string& text) -> Result<Enum> {
    const auto found = std::ranges::find(names, text);
    if (found != names.end()) {
      return static_cast<Enum>(found - names.begin());
    }
    return Error{fmt::format("{} is not known; write {}", quote(text), listed(names))};
  };
  return word<Enum>(parse, [names](Enum value) { return names[static_cast<size_t>(value)]; });
}

Codec<uint32_t> count(uint32_t min, uint32_t max);
/// `auto` is 0, which may be written, too.
Codec<uint32_t> count_or_auto(uint32_t max);
/// `auto` is as many as the cgroup grants CPUs.
Codec<uint32_t> thread_count(uint32_t max);
/// Bytes.
Codec<uint64_t> size(uint64_t min, uint64_t max);
/// Milliseconds, from 1ms to 1h.
Codec<uint32_t> duration();
/// Calls in a second, minute or hour: "100/s".
Codec<Rate> rate();
/// A share of calls; 1 is all.
Codec<double> share();
/// Off is nothing. An error shows how `example` is written.
Codec<std::optional<Address>> address(std::string_view example);
/// These refuse the other protocol's word for a local socket, unix: or ipc:. Which protocol is
/// spoken there would not be seen from the address.
Codec<std::optional<Address>> tcp_address();
Codec<std::optional<Address>> zmq_address();
/// Permission bits of a file, in octal.
Codec<std::optional<uint32_t>> file_mode();
/// Whether there is such a group is known later.
Codec<std::string> group_name();
/// A token. It is shown as asterisks, and no error line repeats it.
Codec<std::string> secret();
/// Whether there is such a file is known later.
Codec<std::string> file_name();
/// What TlsAllow takes.
Codec<std::vector<std::string>> certificate_names();
/// As written, with its password, which is masked when shown.
Codec<std::string> redis_url();
/// Names of functions that this program serves itself.
Codec<std::vector<std::string>> handler_list();
/// Names of functions in which `*` stands for any characters.
Codec<std::vector<std::string>> globs();
/// Names of hosts in which `*` stands for any characters.
Codec<std::vector<std::string>> host_names();
/// Ranges of addresses; never none of them.
Codec<AddressRanges> address_ranges();
/// Files of CURVE keys, which are read at once: see read_curve_secret_key() and its neighbours.
Codec<CurveKeyFile> curve_secret_key();
Codec<CurveKeyFile> curve_public_key_file();
Codec<CurveClientKeys> curve_clients();
/// Endpoints of one backend.
Codec<std::vector<ServerUrl>> server_urls();
/// Looks at the name's form only: whether there is such a backend is known later.
Codec<std::string> backend_name();

}  // namespace zerogate
