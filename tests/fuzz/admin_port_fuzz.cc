// Both sides of the admin port: what the commands make of an answer, whoever has sent it, and what
// the port makes of the words of a request. The first byte of the input chooses.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ascii.h"
#include "core/base/utf8.h"
#include "gateway/admin/admin_access.h"
#include "gateway/admin/backends_document.h"
#include "gateway/ask/admin_client.h"
#include "gateway/ask/backends_command.h"
#include "gateway/ask/clients_command.h"
#include "gateway/ask/config_diff.h"
#include "gateway/http/gzip.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;

namespace {

constexpr std::string_view kToken = "0123456789abcdef";
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// U+0080 to U+009F count: terminals obey them.
bool is_plain(std::string_view text) {
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  bool c1 = false;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    c1 |= text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0;
  }
  return is_utf8(text) && !control && !c1;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

void check_answer(std::string_view bytes) {
  const auto answer = parse_admin_answer(bytes);
  if (answer) {
    check(answer.value().status >= 100 && answer.value().status < 600, "a status is one of HTTP");
    check(bytes.ends_with(answer.value().body), "the body is the end");
    check(is_plain(first_line(answer.value().body)), "its first line can be shown");
  } else {
    check(!answer.error().empty() && is_plain(answer.error()), "an error is a line");
  }
  const std::string head = "HTTP/1.1 503 Service Unavailable\r\ncontent-LENGTH: ";
  const std::string length = std::to_string(bytes.size());
  const auto whole = parse_admin_answer(head + length + "\r\n\r\n" + std::string(bytes));
  check(whole.ok() && whole.value().status == 503 && whole.value().body == bytes,
        "an answer is what was sent");
  const auto cut = parse_admin_answer(head + length + "1\r\n\r\n" + std::string(bytes));
  check(!cut.ok(), "a part of an answer is none");
}

/// A table of lines, or an exception of nlohmann's; any other would end the command.
template <class MakeTable>
void check_table(MakeTable make, size_t most) {
  std::string table;
  try {
    table = make();
  } catch (const nlohmann::json::exception&) {
    return;
  }
  check(table.ends_with('\n'), "a table ends with a line");
  const std::vector<std::string_view> lines = lines_of(table);
  check(std::ranges::all_of(lines, is_plain), "its lines can be shown");
  check(lines.size() <= most, "with a line for each");
}

void check_documents(std::string_view text) {
  const std::string document(text);
  const auto items = static_cast<size_t>(std::ranges::count(document, '{'));
  check_table([&] { return clients_table(document, SIZE_MAX); }, items + 2);
  check_table([&] { return clients_table(document, 1); }, 3);
  check_table([&] { return backends_table(document); }, items + 1);
}

void check_diff(std::string_view text) {
  const std::string_view running = text.substr(0, text.find('\0'));
  const std::string_view written = text.substr(std::min(running.size() + 1, text.size()));
  const std::string diff = diff_yaml(running, written);
  const std::vector<std::string_view> before = lines_of(running);
  const std::vector<std::string_view> after = lines_of(written);
  check(diff.empty() == (before == after), "no line differs when all are the same");
  size_t gone = 0;
  size_t added = 0;
  for (const std::string_view line : lines_of(diff)) {
    check(is_plain(line), "its lines can be shown");
    gone += line.starts_with("- ") ? 1 : 0;
    added += line.starts_with("+ ") ? 1 : 0;
  }
  check(before.size() - gone == after.size() - added, "what is left of both is the same");
}

std::string base64(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = group << 8 | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) {
      out += at + i <= text.size() ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

/// What base64 says, up to the first byte that is none of its digits.
std::string from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == kAlphabet.npos) {
      break;
    }
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

void check_access(std::string_view text) {
  static const AdminAccess kAccess =
      AdminAccess::make({.hosts = {"gate.example.com"}, .token = std::string(kToken)}).value();
  const auto allowed = [](const std::string& header) { return kAccess.has_token(header).value(); };
  const std::string header(text);
  if (allowed(header)) {
    const std::string_view rest = trim(text.substr(std::min<size_t>(text.size(), 6)), " \t\r\n");
    const std::string both = from_base64(rest);
    const size_t colon = both.find(':');
    const bool basic = colon != both.npos && both.substr(colon + 1) == kToken;
    const bool word = trim(text.substr(std::min<size_t>(text.size(), 7)), " \t\r\n") == kToken;
    check(word || basic, "only the token opens the port");
  }
  const std::string name(text.substr(0, std::min(text.find(':'), size_t{500})));
  const std::string token(kToken);
  check(allowed("BASIC  " + base64(name + ":" + token)), "it is a password, for any name");
  check(allowed("bearer " + token + " "), "and a bearer's");
  check(!allowed("Basic " + base64(name + ":" + token + "x")), "all of it counts");
  check(!allowed("Bearer " + token.substr(1)), "from its begin");

  const bool is_label = std::ranges::all_of(
      text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.'; });
  check(kAccess.knows_host("gate.example.com:9464"), "a name of the configuration is known");
  check(!is_label || !kAccess.knows_host(header + "x.example.com:9464"), "one of the Internet not");
  kAccess.knows_host(text);
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

void check_words(std::string_view text) {
  if (const auto order = parse_order(text)) {
    check(!order.value().backend.empty() && !order.value().endpoint.empty(), "an order is whole");
  } else {
    check(!order.error().empty() && is_plain(order.error()), "an error is a line");
  }
  if (!text.empty()) {
    const std::string value = percent_encoded(text);
    const auto order =
        parse_order("reason=" + value + "&action=drain&endpoint=" + value + "&backend=" + value);
    check(order.ok() && order.value().reason == text && order.value().endpoint == text &&
              order.value().backend == text,
          "an order is what was sent");
  }
  accepts_gzip(text);
  if (text.find_first_of(",;") == text.npos) {
    const std::string other(text);
    check(accepts_gzip("x" + other + ", gzip;q=0.5") && !accepts_gzip("gzip;q=0, x" + other),
          "gzip is taken by name, or refused");
  }
}

constexpr void (*kKinds[])(std::string_view) = {check_answer, check_documents, check_diff,
                                                check_access, check_words};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) {
    kKinds[data[0] % std::size(kKinds)](fuzz::view_of(data + 1, size - 1));
  }
  return 0;
}
