#include "gateway/admin/clients_document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/printable.h"

namespace zerogate {
namespace {

using Json = nlohmann::ordered_json;

double to_seconds(uint64_t ms) { return static_cast<double>(ms) / 1'000; }

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes.substr(0, kShownIdentityBytes)) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return bytes.size() > kShownIdentityBytes ? text + "..." : text;
}

Json client_json(const ClientInfo& client) {
  const bool called = client.calls > 0;
  const auto if_called = [called](std::string_view text) { return called ? Json(text) : Json(); };
  return {{"peer", client.peer},
          {"protocol", name_of(client.protocol)},
          {"wire", if_called(name_of(client.wire))},
          {"identity", client.identity.empty() ? Json() : Json(hexadecimal(client.identity))},
          {"function", if_called(client.function)},
          {"calls_per_second", client.rate},
          {"calls", client.calls},
          {"in_flight", client.in_flight},
          {"unsent_bytes", client.unsent_bytes},
          {"age_seconds", to_seconds(client.age_ms)},
          {"quiet_seconds", client.quiet_ms ? Json(to_seconds(*client.quiet_ms)) : Json()}};
}

}  // namespace

std::string clients_json(const ClientList& list) {
  Json json{{"clients", Json::array()},
            {"left_out", list.left_out},
            {"silent_workers", list.silent_workers}};
  for (const ClientInfo& client : list.clients) {
    json["clients"].push_back(client_json(client));
  }
  return dump_printable(json) + "\n";
}

}  // namespace zerogate
