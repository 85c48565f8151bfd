#include "gateway/ask/backends_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/base/quote.h"
#include "gateway/ask/admin_client.h"
#include "gateway/ask/exit_status.h"

namespace zerogate {
namespace {

using nlohmann::json;

using BackendRow = std::array<std::string, 8>;
constexpr size_t kFirstNumber = 3;  ///< columns from here on, but for the last, are numbers

/// In the largest unit of which there is one: "3s", "4m", "5h", "6d".
std::string age_of(uint64_t seconds) {
  constexpr uint64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  for (const auto& [unit, name] : {std::pair(kDay, 'd'), {kHour, 'h'}, {kMinute, 'm'}}) {
    if (seconds >= unit) {
      return fmt::format("{}{}", seconds / unit, name);
    }
  }
  return fmt::format("{}s", seconds);
}

BackendRow row_of(const json& one) {
  const auto text = [&](const char* key) {
    const json& value = one.at(key);
    return value.is_null() ? std::string() : first_line(value.get<std::string>());
  };
  const auto number = [&](const char* key) {
    return fmt::format("{}", one.at(key).get<uint64_t>());
  };
  return {text("backend"),       text("endpoint"),
          text("state"),         age_of(one.at("since_seconds").get<uint64_t>()),
          number("connections"), number("in_flight"),
          number("failures"),    text("reason")};
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string request_of(const BackendsCommand& command) {
  if (command.action.empty()) {
    return "GET /backends";
  }
  return fmt::format("POST /backends?action={}&backend={}&endpoint={}&reason={}",
                     percent_encode(command.action), percent_encode(command.backend),
                     percent_encode(command.endpoint), percent_encode(command.reason));
}

/// What the command's own words lack; empty when they are complete.
std::string missing(const BackendsCommand& command) {
  constexpr std::array<std::string_view, 4> kActions = {"disable", "drain", "enable", "clear"};
  if (command.action.empty()) {
    return command.reason.empty() ? ""
                                  : "--reason needs an action: disable, drain, enable or clear";
  }
  if (std::ranges::find(kActions, command.action) == kActions.end()) {
    return fmt::format("unknown action {}; there are disable, drain, enable and clear",
                       quote(command.action));
  }
  return command.endpoint.empty() ? "name the backend and the endpoint, as 'zerogate backends' "
                                    "spells them"
                                  : "";
}

}  // namespace

std::string backends_table(const std::string& document) {
  std::vector<BackendRow> rows = {
      {"BACKEND", "ENDPOINT", "STATE", "SINCE", "CONNECTIONS", "IN FLIGHT", "FAILURES", "REASON"}};
  const json list = json::parse(document);
  for (const json& one : list.at("endpoints")) {
    rows.push_back(row_of(one));
  }
  // An older gateway has no such list.
  for (const json& one : list.value("without_endpoints", json::array())) {
    rows.push_back({first_line(one.at("backend").get<std::string>()), "-", "down", "", "", "", "",
                    first_line(one.at("reason").get<std::string>())});
  }
  if (rows.size() == 1) {
    return "no backend has an endpoint\n";
  }
  std::array<size_t, std::tuple_size_v<BackendRow>> widths{};
  for (const BackendRow& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const BackendRow& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool number = i >= kFirstNumber && i + 1 < row.size();
      line += number ? fmt::format("{:>{}}  ", row[i], widths[i])
                     : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

int run_backends(const BackendsCommand& command, const Environment& environment, std::ostream& out,
                 std::ostream& err) {
  const auto say = [&err](std::string_view what) {
    err << fmt::format("zerogate backends: {}\n", plain_line(what));
  };
  if (const std::string what = missing(command); !what.empty()) {
    say(what);
    return kUsage;
  }
  const auto [admin, errors] = find_admin_port(command.config_file, environment, command.flags);
  if (!admin) {
    err << errors;
    if (errors.lines.empty()) {
      say("there is no admin port to ask; name it with --admin or ZEROGATE_ADMIN");
    }
    return kUsage;
  }
  const auto answer = ask_admin(*admin, request_of(command), command.timeout_ms);
  if (!answer) {
    const int status = fail_with(errors, kFailed, err);
    say(fmt::format("{}: {}", admin->address.display(), answer.error()));
    return status;
  }
  const auto& [status, body] = answer.value();
  if (status != 200) {
    say(fmt::format("{}: {} ({})", admin->address.display(), first_line(body), status));
    return kFailed;
  }
  try {
    out << (command.action.empty() ? backends_table(body) : first_line(body) + '\n');
  } catch (const json::exception&) {
    say("the answer is no list of endpoints; is it a gateway of another version?");
    return kFailed;
  }
  return kOk;
}

}  // namespace zerogate
