#include "gateway/admin/clients_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace zerogate {
namespace {

using nlohmann::json;

TEST(ClientsDocumentTest, WhatAClientHas) {
  ClientInfo zmq;
  zmq.rate = 2.5;
  zmq.unsent_bytes = 9;
  zmq.calls = 4;
  zmq.peer = "10.0.0.7";
  zmq.protocol = Protocol::zmq;
  zmq.wire = Wire::w5;
  zmq.identity = std::string("\0\x80\xff", 3);
  zmq.function = "echo";
  zmq.in_flight = 1;
  zmq.age_ms = 1'500;
  zmq.quiet_ms = 250;
  EXPECT_EQ(json::parse(clients_json({{zmq}, 3, 1})), (json{{"clients",
                                                             {{{"peer", "10.0.0.7"},
                                                               {"protocol", "zmq"},
                                                               {"wire", "W5"},
                                                               {"identity", "0080ff"},
                                                               {"function", "echo"},
                                                               {"calls_per_second", 2.5},
                                                               {"calls", 4},
                                                               {"in_flight", 1},
                                                               {"unsent_bytes", 9},
                                                               {"age_seconds", 1.5},
                                                               {"quiet_seconds", 0.25}}}},
                                                            {"left_out", 3},
                                                            {"silent_workers", 1}}));
}

TEST(ClientsDocumentTest, WhatItHasNotIsNull) {
  ClientInfo silent;
  silent.peer = "10.0.0.7:1";
  const json client = json::parse(clients_json({{silent}, 0, 0}))["clients"][0];
  for (const auto* key : {"wire", "identity", "function", "quiet_seconds"}) {
    EXPECT_TRUE(client[key].is_null()) << key;
  }
}

TEST(ClientsDocumentTest, AnyBytesMakeAnIdentityOfBoundedLength) {
  ClientInfo zmq;
  zmq.protocol = Protocol::zmq;
  zmq.identity = std::string(255, '\xff');
  zmq.peer = "\xff";
  const json client = json::parse(clients_json({{zmq}, 0, 0}))["clients"][0];
  EXPECT_EQ(client["identity"], std::string(2 * kShownIdentityBytes, 'f') + "...");
}

}  // namespace
}  // namespace zerogate
