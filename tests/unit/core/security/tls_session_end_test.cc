// Sessions that fail, and peers that a new context judges again.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <utility>

#include "tests/unit/core/security/tls_ends.h"

namespace zerogate {
namespace {

using namespace tls_ends;
using Status = TlsSession::Status;

class TlsSessionEndTest : public ::testing::Test {
 protected:
  const Authority authority_;
};

TEST_F(TlsSessionEndTest, WhatHasFailedStaysSo) {
  TlsSession server(make_context(TlsSide::listener, authority_.material({})), "");
  server.feed("GET / HTTP/1.1\r\n\r\n");
  ASSERT_EQ(server.shake_hands(), Status::failed);
  const std::string reason = server.reason();
  const std::string hello = [&] {
    TlsSession client(make_context(TlsSide::backend, authority_.material({})), "");
    client.shake_hands();
    return take_sealed(client);
  }();
  server.feed(hello);
  EXPECT_EQ(server.shake_hands(), Status::failed);
  EXPECT_EQ(server.unread(), hello);
  EXPECT_EQ(server.reason(), reason);
  EXPECT_FALSE(server.write("answer"));
}

TEST_F(TlsSessionEndTest, BehindTheEndNothingIsWritten) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  client.session.end();
  take_sealed(client.session);
  EXPECT_TRUE(client.session.write("")) << "which is nothing";
  EXPECT_EQ(client.session.result(), TlsResult::ok);
  EXPECT_FALSE(client.session.write("question"));
  EXPECT_EQ(client.session.result(), TlsResult::protocol);
  EXPECT_TRUE(client.session.sealed().empty());
  char room[16];
  EXPECT_EQ(client.session.read(room, sizeof room).status, Status::failed);
}

// The second byte of an alert says which it is: RFC 8446, section 6.2.
TEST_F(TlsSessionEndTest, AnAlertOfThePeersSaysWhatItRefuses) {
  const std::pair<char, TlsResult> alerts[] = {
      {40, TlsResult::protocol},  {42, TlsResult::untrusted},       {43, TlsResult::untrusted},
      {44, TlsResult::untrusted}, {45, TlsResult::expired},         {46, TlsResult::untrusted},
      {48, TlsResult::untrusted}, {49, TlsResult::not_allowed},     {70, TlsResult::protocol},
      {80, TlsResult::protocol},  {116, TlsResult::no_certificate},
  };
  for (const auto& [alert, wanted] : alerts) {
    TlsSession client(make_context(TlsSide::backend, authority_.material({})), "");
    ASSERT_EQ(client.shake_hands(), Status::wants_more);
    const std::string record = std::string("\x15\x03\x03\x00\x02\x02", 6) + alert;
    client.feed(record);
    EXPECT_EQ(client.shake_hands(), Status::failed) << int{alert};
    EXPECT_EQ(client.result(), wanted) << int{alert};
    EXPECT_TRUE(client.reason().starts_with("it refused: ")) << client.reason();
  }
}

TEST_F(TlsSessionEndTest, ErrorsOfOthersAreNotTakenForItsOwn) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  const auto leave_error = [] { ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH); };
  leave_error();
  ASSERT_EQ(client.session.shake_hands(), Status::wants_more);
  shake_hands(client, server);
  ASSERT_EQ(client.status, Status::ok);
  char room[16];
  leave_error();
  EXPECT_EQ(client.session.read(room, sizeof room).status, Status::wants_more);
  client.session.end();
  leave_error();
  EXPECT_FALSE(client.session.write("question"));
  EXPECT_EQ(client.session.reason().find("length"), std::string::npos) << client.session.reason();
}

TEST_F(TlsSessionEndTest, APeerThatReadsNoAnswersIsLetGo) {
  FreeEnds ends(authority_);
  auto& [free, server, client] = ends;
  ASSERT_EQ(server.status, Status::ok);
  Status status = Status::wants_more;
  size_t before = 0;
  for (int i = 0; i < 10'000 && status == Status::wants_more; ++i) {
    before = server.session.sealed().size();
    const std::string keys = free.new_keys(client, 4, SSL_KEY_UPDATE_REQUESTED);
    server.session.feed(keys);
    char room[16];
    status = server.session.read(room, sizeof room).status;
  }
  EXPECT_EQ(status, Status::failed);
  EXPECT_EQ(server.session.reason(), "it asks for answers and reads none");
  EXPECT_TRUE(server.session.garbled());
  EXPECT_EQ(server.session.result(), TlsResult::protocol);
  EXPECT_LE(before, TlsSession::kMaxUnaskedBytes);
  EXPECT_GT(server.session.sealed().size(), TlsSession::kMaxUnaskedBytes);
}

TEST_F(TlsSessionEndTest, WhatIsNoTlsBehindTheHandshakeIsGarbledAndAnAlertIsNot) {
  FreeEnds ends(authority_);
  auto& [free, server, client] = ends;
  ASSERT_EQ(server.status, Status::ok);
  char room[16];
  const auto read = [&room](End& end, ByteView bytes) {
    end.session.feed(bytes);
    return end.session.read(room, sizeof room).status;
  };
  EXPECT_EQ(read(server, free.new_keys(client, 3, SSL_KEY_UPDATE_REQUESTED)), Status::wants_more);
  EXPECT_FALSE(server.session.garbled());
  EXPECT_EQ(read(client, take_sealed(server.session)), Status::wants_more) << "the new keys";
  EXPECT_EQ(read(server, "GET / HTTP/1.1\r\n"), Status::failed);
  EXPECT_TRUE(server.session.garbled());
  EXPECT_FALSE(client.session.garbled());
  const std::string alert = take_sealed(server.session);
  EXPECT_EQ(read(client, alert), Status::failed);
  EXPECT_FALSE(client.session.garbled()) << client.session.reason();
}

TEST_F(TlsSessionEndTest, WhatThisEndDoesWrongIsNotThePeersFault) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  server.session.end();
  EXPECT_FALSE(server.session.write("late"));
  char room[16];
  EXPECT_EQ(server.session.read(room, sizeof room).status, Status::failed);
  EXPECT_FALSE(server.session.garbled());
}

TEST_F(TlsSessionEndTest, APeerOfAnotherProtocolIsNoGateway) {
  const auto context = make_context(TlsSide::backend, authority_.material({}));
  constexpr unsigned char kOther[] = "\x08http/1.1";
  ASSERT_EQ(SSL_CTX_set_alpn_protos(context->get(), kOther, sizeof kOther - 1), 0);
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(context);
  shake_hands(client, server);
  EXPECT_EQ(server.status, Status::ok) << server.session.reason();
  EXPECT_FALSE(server.session.between_gateways());
  EXPECT_FALSE(client.session.between_gateways());
}

TEST_F(TlsSessionEndTest, APeerThatWasLetInIsJudgedAgainByANewContext) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({.names = "URI:spiffe://prod/a"})));
  shake_hands(client, server);
  ASSERT_EQ(server.status, Status::ok);
  const auto passes = [&](const TlsMaterial& material) {
    return server.session.passes(*make_context(TlsSide::listener, material));
  };
  EXPECT_TRUE(passes(authority_.material({}, TlsAllow({"spiffe://prod/*"}))));
  EXPECT_FALSE(passes(authority_.material({}, TlsAllow({"spiffe://prod/b"}))));
  EXPECT_FALSE(passes(Authority("another CA").material({})));
}

TEST_F(TlsSessionEndTest, AClientWithoutACertificatePassesWhereItNeedsNone) {
  TlsMaterial material = authority_.material({});
  material.clients = TlsClients::optional;
  End server(make_context(TlsSide::listener, material));
  End client(make_context(TlsSide::backend, {.authorities = authority_.pem()}));
  shake_hands(client, server);
  ASSERT_EQ(server.status, Status::ok);
  EXPECT_EQ(server.session.peer_name(), "");
  for (const auto& [clients, passes] : {std::pair{TlsClients::none, true},
                                        {TlsClients::optional, true},
                                        {TlsClients::required, false}}) {
    material.clients = clients;
    EXPECT_EQ(server.session.passes(*make_context(TlsSide::listener, material)), passes);
  }
}

TEST_F(TlsSessionEndTest, ACertificateThatIsNotAskedForIsNotJudged) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  ASSERT_EQ(server.status, Status::ok);
  TlsMaterial strange = Authority("another CA").material({});
  for (const auto& [clients, passes] : {std::pair{TlsClients::none, true},
                                        {TlsClients::optional, false},
                                        {TlsClients::required, false}}) {
    strange.clients = clients;
    EXPECT_EQ(server.session.passes(*make_context(TlsSide::listener, strange)), passes);
  }
}

TEST_F(TlsSessionEndTest, ABackendIsJudgedAgainAsAServer) {
  End server(make_context(TlsSide::listener, authority_.material({.purpose = "serverAuth"})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  ASSERT_EQ(client.status, Status::ok);
  const auto passes = [&](const TlsMaterial& material) {
    return client.session.passes(*make_context(TlsSide::backend, material));
  };
  EXPECT_TRUE(passes(authority_.material({})));
  EXPECT_TRUE(passes(authority_.material({}, TlsAllow()))) << "an empty list asks for no name";
  EXPECT_FALSE(passes(authority_.material({}, TlsAllow({"dns:other"}))));
  TlsMaterial unasked = Authority("another CA").material({});
  unasked.clients = TlsClients::none;
  EXPECT_FALSE(passes(unasked)) << "clients are none of its business";
}

}  // namespace
}  // namespace zerogate
