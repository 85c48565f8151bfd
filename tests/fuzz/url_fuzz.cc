// What people write in a line of configuration or after a command, and what a request line asks
// for: URLs, addresses, ranges of them, sizes, durations, globs, targets. What is accepted is shown
// in a form that is accepted again, as the same. An error is one line, and no text shows a
// password. The first byte of the input chooses.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/address.h"
#include "core/base/address_range.h"
#include "core/base/glob.h"
#include "core/base/units.h"
#include "core/base/utf8.h"
#include "core/redis/redis_url.h"
#include "core/wire/server_url.h"
#include "gateway/http/request_target.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;

namespace {

constexpr std::string_view kSecret = "t0p-s3cret";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

void check_error(const std::string& error) {
  check(!error.empty() && is_utf8(error), "an error has a text, in UTF-8");
  check(std::ranges::none_of(error, is_control), "on one line");
  check(error.size() < 600, "and repeats a part of what was written at most");
  check(error.find("; ") != error.npos || error.find(", ") != error.npos, "it says what helps");
}

/// Whatever a library of C makes of a name, it sees all of it.
void check_address(const Address& address) {
  if (address.is_path()) {
    check(address.path.starts_with('/') && address.host.empty() && address.port == 0,
          "a path is absolute, and nothing else");
    check(address.path.find('\0') == address.path.npos, "the kernel sees all of it");
    return;
  }
  check(!address.host.empty(), "there is a host");
  check(std::ranges::all_of(address.host, [](char c) { return c > ' ' && c < 0x7f; }),
        "a host is of visible characters");
}

void check_addresses(std::string_view text) {
  const auto address = Address::parse(text);
  if (address) {
    check_address(address.value());
    const auto again = Address::parse(address.value().display());
    check(again.ok() && again.value() == address.value(), "an address is shown as it is read");
  } else {
    check_error(address.error());
  }
  const auto url = ServerUrl::parse(text);
  const auto plain = ServerUrl::parse_plain(text);
  if (url) {
    check_address(url.value().address);
    const auto again = ServerUrl::parse(url.value().display());
    check(again.ok() && again.value() == url.value(), "a URL is shown as it is read");
    check(plain.ok() != url.value().tls, "plain is all but TLS");
  } else {
    check_error(url.error());
    check(!plain.ok(), "plain is a URL");
  }
  if (!plain) {
    check_error(plain.error());
  }
}

void check_ranges(std::string_view text) {
  const auto ip = IpAddress::parse(text);
  if (ip) {
    check(IpAddress::parse(ip->display()) == ip, "an IP is shown as it is read");
    const auto host = AddressRange::parse(ip->host());
    check(host.ok() && host.value().contains(*ip), "an IP belongs to its host");
  }
  const auto range = AddressRange::parse(text);
  if (!range) {
    return check_error(range.error());
  }
  const auto again = AddressRange::parse(range.value().display());
  check(again.ok() && again.value() == range.value(), "a range is shown as it is read");
  check(range.value().contains(range.value().first), "a range contains its first");
  check(text.find_first_not_of("0123456789abcdefABCDEF:./") == text.npos, "it is all of the text");
  if (range.value().bits > 0) {
    IpAddress outside = range.value().first;
    const unsigned last = range.value().bits - 1;
    outside.bytes[last / 8] ^= static_cast<uint8_t>(0x80 >> last % 8);
    check(!range.value().contains(outside), "each of its bits counts");
  }
}

void check_units(std::string_view text) {
  if (const auto size = parse_size(text)) {
    const auto again = parse_size(show_size(size.value()));
    check(again.ok() && again.value() == size.value(), "a size is shown as it is read");
    check(show_size(size.value()).size() <= text.size(), "in the shortest form");
  } else {
    check_error(size.error());
  }
  const auto duration = parse_duration_ms(text);
  if (duration) {
    const auto again = parse_duration_ms(show_duration_ms(duration.value()));
    check(again.ok() && again.value() == duration.value(), "a duration is shown as it is read");
    check(duration.value() == 0 || show_duration_ms(duration.value()).size() <= text.size(),
          "in the shortest form");
  } else {
    check_error(duration.error());
  }
  const auto timeout = parse_timeout_ms(text);
  check(timeout.ok() == (duration.ok() && duration.value() >= 1 && duration.value() <= kHourMs),
        "a timeout is a duration of 1 ms to 1 h");
  const auto count = parse_count(text);
  const auto small = parse_count(text, 5, 500);
  check(small.ok() == (count.ok() && count.value() >= 5 && count.value() <= 500), "a count");
  for (const std::string& error :
       {timeout.ok() ? "" : timeout.error(), count.ok() ? "" : count.error(),
        small.ok() ? "" : small.error()}) {
    if (!error.empty()) {
      check_error(error);
    }
  }
}

/// By a table of all fronts of both.
bool matches(std::string_view glob, std::string_view text) {
  std::vector<bool> row(text.size() + 1);  // whether what was read of the glob matches each front
  row[0] = true;
  for (const char g : glob) {
    std::vector<bool> next(row.size());
    next[0] = g == '*' && row[0];
    for (size_t t = 1; t < row.size(); ++t) {
      next[t] = g == '*' ? row[t] || next[t - 1] : row[t - 1] && g == text[t - 1];
    }
    row = std::move(next);
  }
  return row[text.size()];
}

void check_globs(std::string_view text) {
  const std::string_view glob = text.substr(0, text.find('\n'));
  const std::string_view name = text.substr(std::min(glob.size() + 1, text.size()));
  check(glob_match(glob, name) == matches(glob, name), "a glob matches what it says");
}

void check_target(std::string_view text) {
  const RequestTarget target = parse_target(text);
  const auto within = [&](std::string_view part) {
    return part.empty() || part == "/" ||
           (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
  };
  check(within(target.path) && within(target.query) && within(target.authority),
        "its parts are parts of the text");
  check(target.path.find('?') == target.path.npos, "a path ends at its query");
  const std::string query = target.query.empty() ? "" : "?" + std::string(target.query);
  if (target.authority.empty()) {
    const bool same = std::string(target.path) + query == text;
    check(same || text.ends_with('?') || text.starts_with("http"), "it is all of the text");
    return;
  }
  check(target.authority.find_first_of("/?@") == target.authority.npos, "a host alone");
  const std::string whole =
      "http://" + std::string(target.authority) + std::string(target.path) + query;
  const RequestTarget again = parse_target(whole);
  check(again.path == target.path && again.query == target.query &&
            again.authority == target.authority,
        "its parts make the same target");
}

void check_redis_url(std::string_view text) {
  const auto url = RedisUrl::parse(text);
  const std::string masked = mask_password(text);
  if (!url) {
    return check_error(url.error());
  }
  check(mask_password(masked) == masked, "what is masked stays as it is");
  const RedisUrl& read = url.value();
  const bool like_a_path =
      read.display().starts_with("ipc:") || read.display().starts_with("unix:");
  if (read.path.empty() && like_a_path) {
    check_address({read.host, read.port, ""});  // a host of that name: shown, it could be either
  } else if (read.path.empty()) {
    const auto address = Address::parse(read.display());
    check(address.ok() && address.value() == Address{read.host, read.port, ""}, "shown as read");
    check_address(address.value());
  } else {
    check(read.display() == read.path, "a local one is its path");
    check_address({"", 0, read.path});
  }
  auto again = RedisUrl::parse(masked);
  check(again.ok(), "what is masked is a URL still");
  check(read.password.empty() == again.value().password.empty(), "with a password where it was");
  again.value().password = read.password;
  check(again.value() == read, "and is the same but for it");
}

/// A text that has the secret where a password stands, well written or not.
void check_secret(std::string_view text) {
  if (text.find(kSecret) != text.npos) {
    return;
  }
  const std::string_view user = text.substr(0, text.find('\n'));
  const std::string rest(text.substr(std::min(user.size() + 1, text.size())));
  for (const std::string scheme : {"redis://", "rediss://", "http://", ""}) {
    const std::string whole = scheme + std::string(user) + ":" + std::string(kSecret) + "@" + rest;
    if (scheme.empty() && (user.starts_with("unix:/") || user.starts_with("redis+unix:/"))) {
      continue;  // a path, which may have an '@'
    }
    const auto url = RedisUrl::parse(whole);
    check(mask_password(whole).find(kSecret) == whole.npos, "a password is masked");
    check(url.ok() || url.error().find(kSecret) == whole.npos, "no error shows it");
    check(!url.ok() || url.value().display().find(kSecret) == whole.npos, "nor does display()");
    check_redis_url(whole);
  }
  const std::string query = "redis://" + rest + "?" + std::string(user) + "&password=";
  check(mask_password(query + std::string(kSecret)).find(kSecret) == query.npos,
        "a password in a query is masked");
}

constexpr void (*kKinds[])(std::string_view) = {check_addresses, check_ranges, check_units,
                                                check_globs,     check_target, check_redis_url,
                                                check_secret};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // glob_match takes the product of both for several stars.
  if (size > 0 && size < 2'000) {
    kKinds[data[0] % std::size(kKinds)](fuzz::view_of(data + 1, size - 1));
  }
  return 0;
}
