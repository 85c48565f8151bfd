#include "core/redis/redis_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/address.h"
#include "core/base/quote.h"

namespace zerogate {
namespace {

constexpr uint32_t kMaxDatabase = 0x7fffffff;  // redis-server's `databases` is an int
constexpr std::string_view kUrlExample =
    "write redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:/path[?db=N]";

/// Where the parts of a URL stand in its text.
struct UrlParts {
  std::string_view scheme;     ///< with its ':'
  std::string_view user_info;  ///< before the '@'
  std::string_view authority;  ///< host and port, after the '@'
  std::string_view path;       ///< from the '/' on
  std::string_view query;      ///< after the '?'
  bool has_user_info = false;
};

UrlParts split(std::string_view text) {
  UrlParts parts;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return parts;
  }
  parts.scheme = text.substr(0, colon + 1);
  std::string_view rest = text.substr(colon + 1);
  if (const size_t question = rest.find('?'); question != std::string_view::npos) {
    parts.query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const size_t slash = rest.find('/');
    parts.authority = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
    if (const size_t at = parts.authority.rfind('@'); at != std::string_view::npos) {
      parts.has_user_info = true;
      parts.user_info = parts.authority.substr(0, at);
      parts.authority.remove_prefix(at + 1);
    }
  }
  parts.path = rest;
  return parts;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) {
      return std::nullopt;
    }
    uint8_t byte = 0;
    const char* end = text.data() + i + 3;
    const auto [stop, failure] = std::from_chars(text.data() + i + 1, end, byte, 16);
    if (failure != std::errc{} || stop != end) {
      return std::nullopt;
    }
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::optional<uint32_t> parse_database(std::string_view text) {
  uint32_t database = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, database);
  if (failure != std::errc{} || stop != end || database > kMaxDatabase) {
    return std::nullopt;
  }
  return database;
}

/// Masks what should be a port and is none: in "redis://user:password" the rest was forgotten.
std::string mask_port(std::string_view text, size_t begin) {
  const std::string_view authority = text.substr(begin, text.find('/', begin) - begin);
  const size_t colon = authority.rfind(':');
  if (begin == 0 || colon == std::string_view::npos || authority.ends_with(']')) {
    return std::string(text);
  }
  const std::string_view port = authority.substr(colon + 1);
  if (port.find_first_not_of("0123456789") == std::string_view::npos) {
    return std::string(text);
  }
  return fmt::format("{}{}", text.substr(0, begin + colon + 1), kMask);
}

/// Of a good URL: it stays one.
std::string mask_user_info(std::string_view text, const UrlParts& parts) {
  if (!parts.has_user_info) {
    return std::string(text);
  }
  const auto end = static_cast<size_t>(parts.authority.data() - 1 - text.data());
  const size_t begin = end - parts.user_info.size() + parts.user_info.find(':') + 1;
  return fmt::format("{}{}{}", text.substr(0, begin), kMask, text.substr(end));
}

/// One URL on its way to a RedisUrl. Each step gives an error without the URL, or none.
class Parser {
 public:
  explicit Parser(std::string_view text) : parts_(split(text)) {}

  std::string run() {
    url.tls = parts_.scheme == "rediss:";
    const bool tcp = parts_.scheme == "redis:" || url.tls;
    const bool local = parts_.scheme == "unix:" || parts_.scheme == "redis+unix:";
    if (!tcp && !local) {
      return fmt::format("is not a Redis URL; {}", kUrlExample);
    }
    if (std::string error = log_in(); !error.empty()) {
      return error;
    }
    return tcp ? over_tcp() : over_unix();
  }

  RedisUrl url;

 private:
  std::string log_in() {
    if (!parts_.has_user_info) {
      return "";
    }
    const size_t colon = parts_.user_info.find(':');
    if (colon == std::string_view::npos) {
      return "has one word before the '@'; write user:password@, or :password@ for the default "
             "user";
    }
    const auto user = percent_decode(parts_.user_info.substr(0, colon));
    const auto password = percent_decode(parts_.user_info.substr(colon + 1));
    if (!user || !password) {
      return "has a broken %-escape in user or password; write % itself as %25";
    }
    if (password->empty()) {
      return "has an empty password; leave out what stands up to the '@'";
    }
    url.user = *user;
    url.password = *password;
    return "";
  }

  std::string over_tcp() {
    if (parts_.authority.empty()) {
      return fmt::format("has no host; {}", kUrlExample);
    }
    if (!parts_.query.empty()) {
      return "has a query ('?...'); leave it out and write the database as /N";
    }
    std::string host_port(parts_.authority);
    const size_t bracket = host_port.rfind(']');
    const size_t port_from = bracket == std::string::npos ? 0 : bracket;
    if (host_port.find(':', port_from) == std::string::npos) {
      host_port += fmt::format(":{}", url.port);
    }
    const auto address = Address::parse(host_port);
    if (!address) {
      return fmt::format("has no good host and port; {}", kUrlExample);
    }
    if (address.value().port == 0) {
      return "has port 0; write the port that Redis listens on";
    }
    url.host = address.value().host;
    url.port = address.value().port;
    if (parts_.path.size() > 1) {
      return database(parts_.path.substr(1));
    }
    return "";
  }

  std::string over_unix() {
    if (!parts_.authority.empty()) {
      return "has a host before its path; write unix:/path or unix:///path";
    }
    const auto address = Address::parse(fmt::format("unix:{}", parts_.path));
    if (!address) {
      return "has no good path; write an absolute one, as in unix:/run/redis.sock";
    }
    url.host.clear();
    url.path = address.value().path;
    if (parts_.query.empty()) {
      return "";
    }
    if (!parts_.query.starts_with("db=")) {
      return "has an unknown query; write ?db=N or nothing";
    }
    return database(parts_.query.substr(3));
  }

  std::string database(std::string_view text) {
    const auto number = parse_database(text);
    if (!number) {
      return "has a database that is no number; write it as in redis://localhost:6379/0";
    }
    url.database = *number;
    return "";
  }

  UrlParts parts_;
};

}  // namespace

Result<RedisUrl> RedisUrl::parse(std::string_view text) {
  Parser parser(text);
  const std::string error = parser.run();
  if (!error.empty()) {
    return Error{fmt::format("{} {}", quote(mask_password(text)), error)};
  }
  return std::move(parser.url);
}

std::string RedisUrl::display() const {
  return path.empty() ? Address{host, port, ""}.display() : path;
}

std::string mask_password(std::string_view text) {
  if (Parser(text).run().empty()) {  // then it is clear where it stands
    return mask_user_info(text, split(text));
  }
  const size_t query = std::min(text.find("?password="), text.find("&password="));
  if (query != std::string_view::npos) {
    // Nothing we take, but a habit of other clients: ?password=...
    return fmt::format("{}password={}", mask_password(text.substr(0, query + 1)), kMask);
  }
  size_t begin = text.find("://");
  const bool has_scheme = begin != std::string_view::npos && text.find_first_of(":@") == begin;
  begin = has_scheme ? begin + 3 : 0;
  // A path may hold an '@' too, as in unix:/run/a@b or unix:///run/a@b: no password there.
  if (text.starts_with("unix:/") || text.starts_with("redis+unix:/")) {
    if (begin == 0 || text.substr(begin).starts_with('/')) {
      return std::string(text);
    }
  }
  // A password that was not escaped may hold '@' and '/': rather mask too much than too little.
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || at < begin) {
    return mask_port(text, begin);
  }
  // Without a colon the one word may well be the password: nothing of it is shown.
  const size_t colon = text.substr(0, at).find(':', begin);
  const size_t secret = colon == std::string_view::npos ? begin : colon + 1;
  return fmt::format("{}{}{}", text.substr(0, secret), kMask, text.substr(at));
}

}  // namespace zerogate
