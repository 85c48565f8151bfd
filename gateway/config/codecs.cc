#include "gateway/config/codecs.h"

#include <cctype>
#include <charconv>

#include "core/base/ascii.h"
#include "core/base/units.h"
#include "core/redis/redis_url.h"
#include "core/security/tls_allow.h"
#include "gateway/admin/admin_access.h"
#include "gateway/config/bridge_entries.h"
#include "gateway/host/cpu_count.h"
#include "gateway/keys/curve_files.h"
#include "handlers/registry.h"

namespace zerogate {
namespace {

std::string unknown_handler(const std::string& name) {
  const std::string near = nearest(name, handler_names());
  const std::string fix = near.empty() ? fmt::format("known are {}", listed(handler_names(), "and"))
                                       : fmt::format("did you mean '{}'?", near);
  return fmt::format("unknown handler {}; {}", quote(name), fix);
}

std::string glob_problem(std::string_view glob) {
  // "a, b" as one word is a list whose brackets were forgotten; no function has such a name.
  const auto separates = [](char c) { return c == ',' || static_cast<unsigned char>(c) <= ' '; };
  if (glob.empty()) {
    return "'' names no function; write a name, or \"*\" for every one";
  }
  if (std::ranges::any_of(glob, separates)) {
    return fmt::format(
        "{} has a comma or a blank, which no function's name has; write a list, as "
        "in [save_order, \"get_*\"]",
        quote(glob));
  }
  return "";
}

/// A codec of a list: `take` looks at one item, appends it to the values or reports a problem.
template <class Item, class Take, class Show>
Codec<std::vector<Item>> list(Take take, Show show) {
  return {
      [take](const SettingValue& value, Problems& problems) -> std::optional<std::vector<Item>> {
        const size_t before = problems.size();
        std::vector<Item> items;
        for (const PlacedText& item : value.items) {
          take(item, items, problems);
        }
        if (problems.size() > before) {
          return std::nullopt;
        }
        return items;
      },
      [show](const std::vector<Item>& items) {
        std::vector<std::string> words;
        words.reserve(items.size());
        for (const Item& item : items) {
          words.push_back(show(item));
        }
        return list_value(words);
      },
      false, true};
}

/// Appends the item unless it is there already, which is a problem.
template <class Item>
void append_once(const PlacedText& text, Item item, std::vector<Item>& items, Problems& problems) {
  if (std::ranges::find(items, item) != items.end()) {
    problems.push_back({text.place, quote(text.text) + " stands twice; keep one"});
  } else {
    items.push_back(std::move(item));
  }
}

/// The codec with a bound on the list's length; `fix` is what to do instead.
template <class Item>
Codec<std::vector<Item>> at_most(size_t max, std::string_view what, std::string_view fix,
                                 const Codec<std::vector<Item>>& codec) {
  Codec<std::vector<Item>> made = codec;
  made.parse = [=, parse = codec.parse](const SettingValue& value,
                                        Problems& problems) -> std::optional<std::vector<Item>> {
    auto items = parse(value, problems);
    if (value.items.size() <= max) {
      return items;
    }
    problems.push_back(
        {value.items[max].place, fmt::format("more than {} {}; {}", max, what, fix)});
    return std::nullopt;
  };
  return made;
}

std::string same_word(const std::string& word) { return word; }

/// `own` is the protocol's word for a local socket, `others` that of the protocol `other`, which is
/// refused; empty: both are taken.
Codec<std::optional<Address>> address_of(std::string_view example, std::string_view own,
                                         std::string_view others, std::string_view other) {
  const auto parse = [=](const std::string& text) -> Result<std::optional<Address>> {
    auto parsed = Address::parse(text, example);
    if (parsed && !others.empty() && text.starts_with(others)) {
      return Error{fmt::format("{} is how sockets of {} are written; write {}{}", quote(text),
                               other, own, parsed.value().path)};
    }
    using Parsed = Result<std::optional<Address>>;
    return parsed ? Parsed(std::move(parsed).value()) : Parsed(Error{parsed.error()});
  };
  const auto show = [own](const std::optional<Address>& address) {
    return address->is_path() ? fmt::format("{}{}", own, address->path) : address->display();
  };
  return or_off(word<std::optional<Address>>(parse, show), std::optional<Address>());
}

/// A file or folder that is read here, or off; `name` is its member of what was read.
template <class V>
Codec<V> read_by(Result<V> (*read)(const std::string&), std::string V::*name) {
  return or_off(word<V>(read, [name](const V& value) { return value.*name; }), V());
}

}  // namespace

SettingValue off_value() { return {SettingValue::Kind::off, "", {}, ""}; }

SettingValue text_value(std::string text) {
  return {SettingValue::Kind::text, std::move(text), {}, ""};
}

SettingValue list_value(const std::vector<std::string>& words) {
  SettingValue value{SettingValue::Kind::list, "", {}, ""};
  for (const std::string& word : words) {
    value.items.push_back({word, ""});
  }
  return value;
}

Codec<uint32_t> count(uint32_t min, uint32_t max) {
  return word<uint32_t>([=](const std::string& text) { return parse_count(text, min, max); },
                        [](uint32_t number) { return std::to_string(number); });
}

Codec<uint32_t> count_or_auto(uint32_t max) {
  Codec<uint32_t> codec = or_auto(count(0, max), [] { return 0U; });
  codec.show = [show = codec.show](uint32_t number) {
    return number == 0 ? std::make_optional(text_value("auto")) : show(number);
  };
  return codec;
}

Codec<uint32_t> thread_count(uint32_t max) {
  return or_auto(count(1, max), [max] { return std::min(cpu_count(), max); });
}

Codec<uint64_t> size(uint64_t min, uint64_t max) {
  const auto parse = [min, max](const std::string& text) -> Result<uint64_t> {
    auto bytes = parse_size(text);
    if (bytes && (bytes.value() < min || bytes.value() > max)) {
      return out_of_range(text, show_size(min) + " to " + show_size(max));
    }
    return bytes;
  };
  return word<uint64_t>(parse, show_size);
}

Codec<uint32_t> duration() { return word<uint32_t>(parse_timeout_ms, show_duration_ms); }

Codec<Rate> rate() {
  constexpr uint32_t kMaxCalls = 1'000'000;  // of which an interval still has 1,000 ns
  constexpr std::pair<char, uint32_t> kPeriods[] = {
      {'s', kSecondMs}, {'m', kMinuteMs}, {'h', kHourMs}};
  const auto parse = [=](const std::string& text) -> Result<Rate> {
    const size_t slash = text.find('/');
    const std::string_view unit = std::string_view(text).substr(std::min(slash, text.size()));
    for (const auto& [letter, period_ms] : kPeriods) {
      if (unit.size() != 2 || unit[1] != letter) {
        continue;
      }
      const auto calls = parse_count(text.substr(0, slash), 1, kMaxCalls);
      return calls ? Result<Rate>(Rate{calls.value(), period_ms}) : Error{calls.error()};
    }
    return Error{
        fmt::format("{} is no rate; write calls in a second, minute or hour, as in 100/s, "
                    "600/m or 1000/h",
                    quote(text))};
  };
  return word<Rate>(parse, [=](const Rate& rate) {
    const auto is_period = [&](const auto& period) { return period.second == rate.period_ms; };
    const auto* const found = std::ranges::find_if(kPeriods, is_period);
    return fmt::format("{}/{}", rate.calls, found->first);
  });
}

Codec<double> share() {
  const auto parse = [](const std::string& text) -> Result<double> {
    if (text == "all") {
      return 1.0;
    }
    double share = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (error == std::errc() && end == text.data() + text.size() && share > 0 && share <= 1) {
      return share;
    }
    return Error{
        fmt::format("{} is no share of calls; write off, all, or a number above 0 and up "
                    "to 1 such as 0.01",
                    quote(text))};
  };
  return word<double>(parse, [](double share) {
    return share == 1 ? std::string("all") : fmt::format("{}", share);
  });
}

Codec<std::optional<Address>> address(std::string_view example) {
  return address_of(example, "unix:", "", "");
}

Codec<std::optional<Address>> tcp_address() {
  return address_of("127.0.0.1:5559", "unix:", "ipc:", "ZeroMQ");
}

Codec<std::optional<Address>> zmq_address() {
  return address_of("127.0.0.1:5559", "ipc:", "unix:", "TCP");
}

Codec<std::optional<uint32_t>> file_mode() {
  const auto parse = [](const std::string& text) -> Result<std::optional<uint32_t>> {
    constexpr uint32_t kMaxMode = 0777;
    constexpr int kOctal = 8;
    uint32_t mode = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, mode, kOctal);
    if (error != std::errc() || stop != end || text.size() < 3 || mode > kMaxMode) {
      return Error{
          fmt::format("{} is no mode of a file; write it as chmod does, as in 0660", quote(text))};
    }
    return std::optional(mode);
  };
  return word<std::optional<uint32_t>>(
      parse, [](const std::optional<uint32_t>& mode) { return fmt::format("{:04o}", *mode); });
}

Codec<std::string> group_name() {
  const auto parse = [](const std::string& text) -> Result<std::string> {
    const auto allowed = [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '$';
    };
    if (text.empty() || !std::ranges::all_of(text, allowed)) {
      return Error{fmt::format("{} is no group; write its name or number", quote(text))};
    }
    return text;
  };
  return word<std::string>(parse, same_word);
}

Codec<std::string> secret() {
  const auto parse = [](const std::string& text) -> Result<std::string> {
    std::string problem = token_problem(text);
    return problem.empty() ? Result<std::string>(text)
                           : Result<std::string>(Error{std::move(problem)});
  };
  return word<std::string>(parse, [](const std::string&) { return std::string(kMask); });
}

Codec<std::string> file_name() {
  const auto parse = [](const std::string& text) -> Result<std::string> {
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (text.empty() || std::ranges::any_of(text, is_control)) {
      return Error{fmt::format("{} names no file; write a path, or off", quote(text))};
    }
    return text;
  };
  return word<std::string>(parse, same_word);
}

Codec<std::vector<std::string>> certificate_names() {
  const auto take = [](const PlacedText& item, auto& names, Problems& problems) {
    const Status good = TlsAllow::check(item.text);
    return good ? append_once(item, item.text, names, problems)
                : problems.push_back({item.place, good.error()});
  };
  return at_most(kMaxCertificateNames, "names of certificates", "use * for segments of a path",
                 list<std::string>(take, same_word));
}

Codec<std::string> redis_url() {
  const auto parse = [](const std::string& text) -> Result<std::string> {
    const auto url = RedisUrl::parse(text);
    return url ? Result<std::string>(text) : Result<std::string>(Error{url.error()});
  };
  return word<std::string>(parse, [](const std::string& text) { return mask_password(text); });
}

Codec<std::vector<std::string>> handler_list() {
  const auto take = [](const PlacedText& item, std::vector<std::string>& names,
                       Problems& problems) {
    const std::vector<std::string> known = handler_names();
    if (std::ranges::find(known, item.text) == known.end()) {
      problems.push_back({item.place, unknown_handler(item.text)});
    } else {
      append_once(item, item.text, names, problems);
    }
  };
  return list<std::string>(take, same_word);
}

Codec<std::vector<std::string>> globs() {
  const auto take = [](const PlacedText& item, std::vector<std::string>& taken,
                       Problems& problems) {
    const std::string problem = glob_problem(item.text);
    if (!problem.empty()) {
      problems.push_back({item.place, problem});
    }
    taken.push_back(item.text);
  };
  return at_most(kMaxGlobs, "functions in one list", "use \"*\" for common beginnings",
                 list<std::string>(take, same_word));
}

Codec<std::vector<std::string>> host_names() {
  const auto take = [](const PlacedText& item, std::vector<std::string>& names,
                       Problems& problems) {
    const auto allowed = [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '*';
    };
    if (item.text.empty() || !std::ranges::all_of(item.text, allowed)) {
      problems.push_back(
          {item.place, fmt::format("{} is no name of a host; write one without a port, such as "
                                   "zerogate.example.com, \"*.lan\", or \"*\" for any",
                                   quote(item.text))});
    } else {
      append_once(item, item.text, names, problems);
    }
  };
  return at_most(kMaxHosts, "names of hosts", "use \"*\" for common ends",
                 list<std::string>(take, same_word));
}

Codec<AddressRanges> address_ranges() {
  const auto take = [](const PlacedText& item, AddressRanges& ranges, Problems& problems) {
    auto range = AddressRange::parse(item.text);
    if (!range) {
      problems.push_back({item.place, range.error()});
    } else {
      append_once(item, std::move(range).value(), ranges, problems);
    }
  };
  const auto show = [](const AddressRange& range) { return range.display(); };
  Codec<AddressRanges> codec =
      at_most(kMaxRanges, "ranges", "write larger ones", list<AddressRange>(take, show));
  codec.parse = [parse = codec.parse](const SettingValue& value,
                                      Problems& problems) -> std::optional<AddressRanges> {
    if (!value.items.empty()) {
      return parse(value, problems);
    }
    problems.push_back({value.place,
                        "the list is empty, so no client could connect; write ranges "
                        "such as 10.0.0.0/8, or off for everyone"});
    return std::nullopt;
  };
  return codec;
}

Codec<CurveKeyFile> curve_secret_key() {
  return read_by(read_curve_secret_key, &CurveKeyFile::file);
}

Codec<CurveKeyFile> curve_public_key_file() {
  return read_by(read_curve_public_key, &CurveKeyFile::file);
}

Codec<CurveClientKeys> curve_clients() {
  return read_by(read_curve_clients, &CurveClientKeys::folder);
}

Codec<std::vector<ServerUrl>> server_urls() {
  const auto take = [](const PlacedText& item, std::vector<ServerUrl>& urls, Problems& problems) {
    auto url = ServerUrl::parse(item.text);
    if (!url) {
      problems.push_back({item.place, url.error()});
    } else {
      append_once(item, std::move(url).value(), urls, problems);
    }
  };
  const auto show = [](const ServerUrl& url) { return url.display(); };
  return at_most(kMaxUrls, "URLs of one backend",
                 "put a name with several addresses, or a load balancer, in their place",
                 list<ServerUrl>(take, show));
}

Codec<std::string> backend_name() {
  const auto parse = [](const std::string& text) -> Result<std::string> {
    std::string problem = backend_name_problem(text);
    return problem.empty() ? Result<std::string>(text)
                           : Result<std::string>(Error{std::move(problem)});
  };
  return word<std::string>(parse, same_word);
}

}  // namespace zerogate
