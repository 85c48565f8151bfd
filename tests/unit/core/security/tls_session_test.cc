#include "core/security/tls_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/unit/core/security/tls_ends.h"

namespace zerogate {
namespace {

using namespace tls_ends;
using Status = TlsSession::Status;

class TlsSessionTest : public ::testing::Test {
 protected:
  /// How the server sees a handshake with such a client.
  TlsResult result_of(const TlsMaterial& client, TlsAllow allow = TlsAllow({"*"})) {
    End server(make_context(TlsSide::listener, authority_.material({}, std::move(allow))));
    End other(make_context(TlsSide::backend, client));
    shake_hands(other, server);
    reason_ = server.session.reason();
    client_result_ = other.session.result();
    return server.session.result();
  }
  /// How a client that wants `name` sees a handshake with a server of such a certificate.
  TlsResult backend_result_of(const Authority::Wish& server, const std::string& name) {
    End listener(make_context(TlsSide::listener, authority_.material(server)));
    End client(make_context(TlsSide::backend, authority_.material({})), name);
    shake_hands(client, listener);
    reason_ = client.session.reason();
    return client.session.result();
  }

  const Authority authority_;
  std::string reason_;
  TlsResult client_result_ = TlsResult::ok;
};

TEST_F(TlsSessionTest, BytesGoBothWays) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})), "localhost");
  shake_hands(client, server);
  ASSERT_EQ(client.status, Status::ok);
  ASSERT_EQ(server.status, Status::ok);
  EXPECT_EQ(server.session.peer_name(), "dns:localhost");
  ASSERT_TRUE(client.session.write("question"));
  const std::string sealed = take_sealed(client.session);
  EXPECT_EQ(sealed.find("question"), std::string::npos);
  server.session.feed(sealed);
  char bytes[64];
  const TlsSession::Read read = server.session.read(bytes, sizeof bytes);
  EXPECT_EQ(std::string(bytes, read.size), "question");
  EXPECT_EQ(read.status, Status::wants_more);
}

TEST_F(TlsSessionTest, EverySplitOfAHandshakeDoes) {
  const auto listener = make_context(TlsSide::listener, authority_.material({}));
  const auto backend = make_context(TlsSide::backend, authority_.material({}));
  End whole_server(listener);
  End whole_client(backend);
  whole_client.session.shake_hands();
  const size_t hello = whole_client.session.sealed().size();
  shake_hands(whole_client, whole_server);
  for (size_t piece = 1; piece <= hello; ++piece) {
    End server(listener);
    End client(backend, "localhost");
    shake_hands(client, server, piece);
    ASSERT_EQ(client.status, Status::ok) << piece;
    ASSERT_EQ(server.status, Status::ok) << piece;
  }
}

TEST_F(TlsSessionTest, WhatDoesNotFitIntoTheReadersRoomIsKept) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  const std::string sent(100'000, 'x');
  ASSERT_TRUE(client.session.write(sent));
  const std::string sealed = take_sealed(client.session);
  EXPECT_LT(sealed.size(), sent.size() + 7 * 32);  // seven records of 16 KiB
  server.session.feed(sealed);
  std::string got;
  char room[1'000];
  while (server.session.has_pending()) {
    got.append(room, server.session.read(room, sizeof room).size);
  }
  EXPECT_EQ(got, sent);
}

TEST_F(TlsSessionTest, TheEndIsToldFromABrokenConnection) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  client.session.end();
  server.session.feed(client.session.sealed().view());
  char room[16];
  EXPECT_EQ(server.session.read(room, sizeof room).status, Status::ended);
  EXPECT_TRUE(server.session.write("what was asked before is answered"));
}

TEST_F(TlsSessionTest, TwoGatewaysKnowEachOther) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  EXPECT_TRUE(client.session.between_gateways());
  EXPECT_TRUE(server.session.between_gateways());
}

TEST_F(TlsSessionTest, AHandshakeIsAlwaysAFullOne) {
  End server(make_context(TlsSide::listener, authority_.material({})));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  ASSERT_EQ(server.status, Status::ok);
  // After its Finished a server without tickets sends nothing.
  EXPECT_TRUE(server.session.sealed().empty());
}

TEST_F(TlsSessionTest, RefusesAClientWithoutACertificate) {
  EXPECT_EQ(result_of({.authorities = authority_.pem()}), TlsResult::no_certificate);
  EXPECT_EQ(client_result_, TlsResult::no_certificate);
}

TEST_F(TlsSessionTest, RefusesAClientOfAnotherCa) {
  const Authority other("another CA");
  TlsMaterial client = other.material({});
  client.authorities = authority_.pem();
  EXPECT_EQ(result_of(client), TlsResult::untrusted);
  EXPECT_EQ(client_result_, TlsResult::untrusted);
}

TEST_F(TlsSessionTest, AnIntermediateCaIsTrustedWithoutItsRoot) {
  const Authority issuing("issuing CA", {.issuer = &authority_});
  const Authority sibling("sibling CA", {.issuer = &authority_});
  for (const bool sends_chain : {false, true}) {
    const auto of = [&](const Authority& signer, const std::string& purpose) {
      TlsMaterial material = signer.material({.purpose = purpose});
      material.certificate += sends_chain ? signer.pem() : "";
      material.authorities = issuing.pem();
      return material;
    };
    const auto clients_result = [&](const TlsMaterial& client) {
      End server(make_context(TlsSide::listener, of(issuing, "serverAuth")));
      End other(make_context(TlsSide::backend, client), "localhost");
      shake_hands(other, server);
      client_result_ = other.session.result();
      reason_ = server.session.reason();
      if (server.status == Status::ok) {
        const auto next = make_context(TlsSide::listener, of(issuing, "serverAuth"));
        EXPECT_TRUE(server.session.passes(*next));
      }
      return server.session.result();
    };
    EXPECT_EQ(clients_result(of(issuing, "clientAuth")), TlsResult::ok) << reason_;
    EXPECT_EQ(client_result_, TlsResult::ok);
    EXPECT_EQ(clients_result(of(issuing, "serverAuth")), TlsResult::untrusted);
    EXPECT_EQ(clients_result(of(sibling, "clientAuth")), TlsResult::untrusted);
    EXPECT_EQ(clients_result(of(authority_, "clientAuth")), TlsResult::untrusted);
  }
}

TEST_F(TlsSessionTest, ACertificateAmongTheCasIsTrustedByItselfAndSignsNoOther) {
  const auto listener = [&](const std::string& trusted, TlsAllow allow) {
    TlsMaterial material = authority_.material({}, std::move(allow));
    material.authorities = trusted;
    return make_context(TlsSide::listener, material);
  };
  const auto result = [&](const TlsMaterial& client, const std::string& trusted,
                          TlsAllow allow = TlsAllow({"*"})) {
    End server(listener(trusted, std::move(allow)));
    End other(make_context(TlsSide::backend, client));
    shake_hands(other, server);
    return server.session.result();
  };
  const TlsMaterial one = authority_.material({});
  const TlsMaterial for_servers = authority_.material({.purpose = "serverAuth"});
  EXPECT_EQ(result(one, one.certificate), TlsResult::ok);
  EXPECT_EQ(result(one, one.certificate, TlsAllow({"spiffe://a/b"})), TlsResult::not_allowed);
  EXPECT_EQ(result(authority_.material({}), one.certificate), TlsResult::untrusted);
  EXPECT_EQ(result(for_servers, for_servers.certificate + one.certificate), TlsResult::untrusted);
  const Authority no_ca("no CA", {.issuer = &authority_, .may_sign = false});
  TlsMaterial signed_by_it = no_ca.material({});
  signed_by_it.certificate += no_ca.pem();
  signed_by_it.authorities = authority_.pem();
  EXPECT_EQ(result(signed_by_it, no_ca.pem()), TlsResult::untrusted);
}

TEST_F(TlsSessionTest, RefusesAnExpiredClient) {
  // The context would refuse its own expired certificate: it becomes so under way.
  const auto pair = authority_.issue({.ends_s = -10});
  const auto client = make_context(TlsSide::backend, {.authorities = authority_.pem()});
  const BioPtr bio = bio_of(pair.certificate);
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const KeyPtr key(PEM_read_bio_PrivateKey(bio_of(pair.key).get(), nullptr, nullptr, nullptr));
  SSL_CTX_use_certificate(client->get(), certificate.get());
  SSL_CTX_use_PrivateKey(client->get(), key.get());
  End server(make_context(TlsSide::listener, authority_.material({})));
  End other(client);
  shake_hands(other, server);
  EXPECT_EQ(server.session.result(), TlsResult::expired);
  EXPECT_EQ(other.session.result(), TlsResult::expired);
}

TEST_F(TlsSessionTest, RefusesACertificateOfTheWrongPurpose) {
  EXPECT_EQ(result_of(authority_.material({.purpose = "serverAuth"})), TlsResult::untrusted);
  EXPECT_EQ(result_of(authority_.material({.purpose = "clientAuth"})), TlsResult::ok);
  EXPECT_EQ(backend_result_of({.purpose = "clientAuth"}, "localhost"), TlsResult::untrusted);
}

TEST_F(TlsSessionTest, RefusesNamesThatAreNotAllowed) {
  const TlsAllow allow({"spiffe://prod/gateway"});
  EXPECT_EQ(result_of(authority_.material({.names = "URI:spiffe://prod/gateway"}), allow),
            TlsResult::ok);
  EXPECT_EQ(result_of(authority_.material({.names = "URI:spiffe://prod/other"}), allow),
            TlsResult::not_allowed);
  EXPECT_NE(reason_.find("spiffe://prod/other"), std::string::npos);
  EXPECT_EQ(
      result_of(authority_.material({.names = "URI:spiffe://prod/gateway,URI:spiffe://prod/other"}),
                allow),
      TlsResult::not_allowed);
}

TEST_F(TlsSessionTest, ABackendHasTheNameThatWasAskedFor) {
  EXPECT_EQ(backend_result_of({.names = "DNS:orders"}, "orders"), TlsResult::ok);
  EXPECT_EQ(backend_result_of({.names = "DNS:orders"}, "billing"), TlsResult::not_allowed);
  EXPECT_EQ(backend_result_of({.names = "IP:10.0.0.1"}, "10.0.0.1"), TlsResult::ok);
  EXPECT_EQ(backend_result_of({.names = "IP:10.0.0.1"}, "10.0.0.2"), TlsResult::not_allowed);
  EXPECT_EQ(backend_result_of({.names = "IP:fd00::1"}, "fd00::1"), TlsResult::ok);
  EXPECT_EQ(backend_result_of({.names = "IP:fd00::1"}, "fd00::2"), TlsResult::not_allowed);
  EXPECT_EQ(backend_result_of({.names = "DNS:orders"}, ""), TlsResult::ok);
}

TEST_F(TlsSessionTest, AServerIsToldTheNameThatIsWantedButNoAddress) {
  const auto context = make_context(TlsSide::backend, authority_.material({}));
  for (const auto& [name, told] :
       {std::pair{"orders.test", true}, {"10.0.0.1", false}, {"fd00::1", false}}) {
    TlsSession client(context, name);
    client.shake_hands();
    EXPECT_EQ(take_sealed(client).find(name) != std::string::npos, told) << name;
  }
}

TEST_F(TlsSessionTest, WhatIsNoTlsFails) {
  TlsSession server(make_context(TlsSide::listener, authority_.material({})), "");
  server.feed("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(server.shake_hands(), Status::failed);
  EXPECT_EQ(server.result(), TlsResult::protocol);
}

TEST_F(TlsSessionTest, AnOlderVersionIsRefusedUnlessItIsAllowed) {
  TlsMaterial old = authority_.material({});
  old.allow_tls12 = true;
  for (const bool allowed : {false, true}) {
    TlsMaterial material = authority_.material({});
    material.allow_tls12 = allowed;
    const auto context = make_context(TlsSide::backend, old);
    SSL_CTX_set_max_proto_version(context->get(), TLS1_2_VERSION);
    End server(make_context(TlsSide::listener, material));
    End client(context);
    shake_hands(client, server);
    EXPECT_EQ(server.session.result(), allowed ? TlsResult::ok : TlsResult::protocol);
  }
}

/// A finite field costs a server up to 150 ms of CPU, and a client that makes its share up nothing.
TEST_F(TlsSessionTest, KeysAreAgreedOnOverCurvesAlone) {
  for (const TlsSide side : {TlsSide::backend, TlsSide::listener}) {
    for (const auto& [group, wanted] : {std::pair{"ffdhe2048", Status::failed},
                                        {"ffdhe8192", Status::failed},
                                        {"P-384", Status::ok},
                                        {"X448", Status::ok},
                                        {"P-521", Status::ok}}) {
      // A session takes its groups from its context when it is made.
      const auto picky = make_context(side, authority_.material({}));
      ASSERT_EQ(SSL_CTX_set1_groups_list(picky->get(), group), 1);
      const auto other = make_context(
          side == TlsSide::backend ? TlsSide::listener : TlsSide::backend, authority_.material({}));
      End client(side == TlsSide::backend ? picky : other);
      End server(side == TlsSide::backend ? other : picky);
      shake_hands(client, server);
      EXPECT_EQ(side == TlsSide::backend ? server.status : client.status, wanted) << group;
    }
  }
}

TEST_F(TlsSessionTest, NorIsAFiniteFieldHiddenInACipherOfTls12) {
  TlsMaterial old = authority_.material({});
  old.allow_tls12 = true;
  for (const TlsSide side : {TlsSide::backend, TlsSide::listener}) {
    const auto context = make_context(side, old);
    const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context->get());
    ASSERT_GT(sk_SSL_CIPHER_num(ciphers), 3);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
      EXPECT_NE(SSL_CIPHER_get_kx_nid(sk_SSL_CIPHER_value(ciphers, i)), NID_kx_dhe);
    }
  }
}

TEST_F(TlsSessionTest, AHandshakeOfAClientHasALimit) {
  TlsMaterial client = authority_.material({});
  const std::string own = client.certificate;
  for (const auto& [length, wanted] : {std::pair{6, TlsResult::ok}, {100, TlsResult::protocol}}) {
    client.certificate = own;
    for (int i = 0; i < length; ++i) {
      client.certificate += Authority("one of many").pem();
    }
    EXPECT_EQ(result_of(client), wanted) << length;
  }
  EXPECT_EQ(reason_, "its handshake has more than 16384 bytes");
}

TEST_F(TlsSessionTest, AHelloOfAClientHasALimit) {
  TlsSession server(make_context(TlsSide::listener, authority_.material({})), "");
  // The heads of a record and of a hello of 120,000 bytes, which goes on for ever.
  const std::string hello = std::string("\x01\x01\xd4\xc0\x03\x03", 6) + std::string(15'994, 'x');
  const std::string record = std::string("\x16\x03\x01\x3e\x80", 5);
  const std::string first = record + hello;
  server.feed(first);
  ASSERT_EQ(server.shake_hands(), Status::wants_more);
  const std::string next = record + std::string(16'000, 'x');
  server.feed(next);
  EXPECT_EQ(server.shake_hands(), Status::failed);
  EXPECT_EQ(server.result(), TlsResult::protocol);
}

TEST_F(TlsSessionTest, AChainOfABackendMayBeLong) {
  TlsMaterial backend = authority_.material({});
  for (int i = 0; i < 60; ++i) {
    backend.certificate += Authority("one of many").pem();
  }
  End server(make_context(TlsSide::listener, backend));
  End client(make_context(TlsSide::backend, authority_.material({})));
  shake_hands(client, server);
  EXPECT_EQ(client.session.result(), TlsResult::ok);
}

TEST_F(TlsSessionTest, TheEndIsSaidOnceAndReadsNothing) {
  FreeEnds ends(authority_);
  auto& [free, server, client] = ends;
  server.session.end();
  EXPECT_FALSE(take_sealed(server.session).empty());
  const std::string keys = free.new_keys(client, 1, SSL_KEY_UPDATE_REQUESTED);
  server.session.feed(keys);
  server.session.end();
  EXPECT_TRUE(server.session.sealed().empty());
  EXPECT_EQ(server.session.unread(), keys);
}

TEST_F(TlsSessionTest, APeerMayChangeItsKeysButNotWithoutEnd) {
  for (const int kind : {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    FreeEnds ends(authority_);
    auto& [free, server, client] = ends;
    ASSERT_EQ(server.status, Status::ok);
    char room[16];
    for (int i = 0; i < 100; ++i) {  // over a long time
      const std::string bytes = free.new_keys(client, 4, kind);
      server.session.feed(bytes);
      ASSERT_EQ(server.session.read(room, sizeof room).status, Status::wants_more);
    }
    ASSERT_TRUE(client.session.write("question"));
    const std::string question = take_sealed(client.session);
    server.session.feed(question);
    EXPECT_EQ(server.session.read(room, sizeof room).size, 8U);
    const size_t answered = server.session.sealed().size();

    const std::string flood = free.new_keys(client, 2'000, kind);
    server.session.feed(flood);
    EXPECT_EQ(server.session.read(room, sizeof room).status, Status::failed);
    EXPECT_EQ(server.session.reason(), "it changes its keys without end");
    EXPECT_TRUE(server.session.garbled());
    // Most of them were not even looked at.
    EXPECT_LT(server.session.sealed().size() - answered, flood.size() / 20);
  }
}

}  // namespace
}  // namespace zerogate
