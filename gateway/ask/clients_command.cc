#include "gateway/ask/clients_command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/quote.h"
#include "core/base/units.h"
#include "gateway/ask/admin_client.h"
#include "gateway/ask/exit_status.h"

namespace zerogate {
namespace {

using nlohmann::json;

constexpr const char* kNothing = "-";
constexpr uint64_t kDayMs = 24 * uint64_t{kHourMs};
constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";
/// Of a terminal: the headings, the line below the table, and the one of the cursor.
constexpr size_t kOtherLines = 3;

struct Column {
  std::string_view title;
  bool number;
  std::string (*text)(const json& client);
};

std::string text_of(const json& value) {
  return value.is_null() ? kNothing : first_line(value.get<std::string>());
}

/// In the largest unit of which there is one: "3s", "4m", "5h", "6d".
std::string time_of(const json& value) {
  if (value.is_null()) {
    return kNothing;
  }
  constexpr double kMostMs = 1e18;  // what is more has no uint64_t
  const auto ms = static_cast<uint64_t>(std::clamp(value.get<double>() * 1'000, 0.0, kMostMs));
  for (const auto& [unit, name] :
       {std::pair(kDayMs, 'd'), std::pair(uint64_t{kHourMs}, 'h'), {uint64_t{kMinuteMs}, 'm'}}) {
    if (ms >= unit) {
      return fmt::format("{}{}", ms / unit, name);
    }
  }
  return fmt::format("{}s", ms / kSecondMs);
}

std::string size_of(const json& value) {
  const auto bytes = value.get<uint64_t>();
  for (const auto& [unit, name] :
       {std::pair(kGiB, "GiB"), std::pair(kMiB, "MiB"), std::pair(kKiB, "KiB")}) {
    if (bytes >= unit) {
      return fmt::format("{:.1f}{}", static_cast<double>(bytes) / static_cast<double>(unit), name);
    }
  }
  return fmt::format("{}B", bytes);
}

constexpr std::array<Column, 11> kColumns = {{
    {"PEER", false, [](const json& c) { return text_of(c.at("peer")); }},
    {"PROTOCOL", false, [](const json& c) { return text_of(c.at("protocol")); }},
    {"WIRE", false, [](const json& c) { return text_of(c.at("wire")); }},
    {"IDENTITY", false, [](const json& c) { return text_of(c.at("identity")); }},
    {"LAST FUNCTION", false, [](const json& c) { return text_of(c.at("function")); }},
    {"CALLS/S", true,
     [](const json& c) { return fmt::format("{:.1f}", c.at("calls_per_second").get<double>()); }},
    {"CALLS", true, [](const json& c) { return fmt::format("{}", c.at("calls").get<uint64_t>()); }},
    {"IN FLIGHT", true,
     [](const json& c) { return fmt::format("{}", c.at("in_flight").get<uint64_t>()); }},
    {"WAITING", true, [](const json& c) { return size_of(c.at("unsent_bytes")); }},
    {"SINCE", true, [](const json& c) { return time_of(c.at("age_seconds")); }},
    {"QUIET", true, [](const json& c) { return time_of(c.at("quiet_seconds")); }},
}};

using Row = std::array<std::string, kColumns.size()>;

std::string lines_of(const std::vector<Row>& rows) {
  std::array<size_t, kColumns.size()> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += kColumns[i].number ? fmt::format("{:>{}}  ", row[i], widths[i])
                                 : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

/// Rows that a terminal has room for; SIZE_MAX when stdout is none.
size_t screen_rows() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row <= kOtherLines) {
    return SIZE_MAX;
  }
  return size.ws_row - kOtherLines;
}

Result<std::string> ask_for_table(const AdminPlace& admin, uint32_t timeout_ms, size_t most) {
  const auto answer = ask_admin(admin, "GET /clients", timeout_ms);
  if (!answer) {
    return Error{answer.error()};
  }
  if (answer.value().status != 200) {
    return Error{fmt::format("{} ({}); is it a gateway of another version?",
                             first_line(answer.value().body), answer.value().status)};
  }
  try {
    return clients_table(answer.value().body, most);
  } catch (const json::exception&) {
    return Error{"the answer is no list of clients; is it a gateway of another version?"};
  }
}

}  // namespace

std::string clients_table(const std::string& document, size_t most) {
  const json list = json::parse(document);
  const json& clients = list.at("clients");
  std::vector<Row> rows(1);
  for (size_t i = 0; i < kColumns.size(); ++i) {
    rows.front()[i] = kColumns[i].title;
  }
  const size_t shown = std::min(most, clients.size());
  for (size_t i = 0; i < shown; ++i) {
    Row& row = rows.emplace_back();
    for (size_t column = 0; column < kColumns.size(); ++column) {
      row[column] = kColumns[column].text(clients[i]);
    }
  }
  const uint64_t left_out = list.at("left_out").get<uint64_t>() + (clients.size() - shown);
  const auto silent = list.at("silent_workers").get<uint64_t>();
  std::string text = lines_of(rows);
  text += fmt::format("{} client{}", shown + left_out, shown + left_out == 1 ? "" : "s");
  if (left_out > 0) {
    text += fmt::format(", of which the {} busiest are shown", shown);
  }
  if (silent > 0) {
    text += fmt::format("; {} event loop{} not answer, so that clients are missing", silent,
                        silent == 1 ? " does" : "s do");
  }
  return text + '\n';
}

int run_clients(const ClientsCommand& command, const Environment& environment, std::ostream& out,
                std::ostream& err) {
  const auto [admin, errors] = find_admin_port(command.config_file, environment, command.flags);
  if (!admin) {
    if (errors.lines.empty()) {
      err << "zerogate clients: there is no admin port to ask; name it with --admin or "
             "ZEROGATE_ADMIN\n";
    }
    return fail_with(errors, kUsage, err);
  }
  const bool on_terminal = isatty(STDOUT_FILENO) == 1;
  for (bool first = true;; first = false) {
    const size_t most = command.watch && on_terminal ? screen_rows() : SIZE_MAX;
    const auto table = ask_for_table(*admin, command.timeout_ms, most);
    if (!table) {
      err << fmt::format("zerogate clients: {}: {}\n", plain_line(admin->address.display()),
                         table.error());
      return fail_with(errors, kFailed, err);
    }
    if (command.watch || !first) {
      out << (command.watch && on_terminal ? kClearScreen : "") << table.value() << std::flush;
    }
    if (!out || (!command.watch && !first)) {
      return kOk;  // or nothing more can be shown
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(command.period_ms));
  }
}

}  // namespace zerogate
