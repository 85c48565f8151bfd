// Endpoints over TLS: an address is one endpoint for each name that is to be proven there.
#include <gmock/gmock.h>

#include "core/base/endpoint_name.h"
#include "core/bridge/by_hand.h"
#include "core/security/tls_material.h"
#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class BackendTlsNamesTest : public BackendTest {
 protected:
  BackendTlsNamesTest() {
    options_.resolve_ms = 1'000;
    context_.tls_loop = &tls_loop_;
    context_.tls_observer = &worker_metrics_.of(TlsSide::backend);
  }
  ~BackendTlsNamesTest() override { backend_.reset(); }

  void make_of(const std::vector<std::string>& urls) {
    options_.urls.clear();
    for (const std::string& url : urls) {
      options_.urls.push_back(ServerUrl::parse(url).value());
    }
    backend_ = std::make_unique<Backend>(context_, options_, metrics_);
    names_.step();
  }
  void look_up() { pass_ms(options_.resolve_ms); }
  /// Those that there are, in the order in which they came.
  std::vector<std::string> endpoints() const {
    std::vector<std::string> all;
    for (const auto& metrics : metrics_->endpoints()) {
      all.push_back(metrics->endpoint);
    }
    return all;
  }
  EndpointState state(const std::string& endpoint) const {
    for (const auto& metrics : metrics_->endpoints()) {
      if (metrics->endpoint == endpoint) {
        return metrics->status.get().state;
      }
    }
    ADD_FAILURE() << "no endpoint " << endpoint;
    return EndpointState::down;
  }
  void order(const std::string& endpoint, HandState to) {
    ASSERT_TRUE(context_.by_hand->set("b", endpoint, {to, "", clock_.now_ns()}));
    backend_->look_at_orders();
    backend_->flush();
  }
  void answer_all(const std::string& endpoint) {
    for (FakeConnection* connection : network_.to(endpoint)) {
      while (!connection->sent.empty()) {
        connection->answer();
      }
    }
  }

  TlsLoop tls_loop_{loop_.uv()};
};

// A router that goes by the name which the client asks for (SNI).
TEST_F(BackendTlsNamesTest, TwoNamesAtOneAddressAreTwoServers) {
  names_.has("a.test", {"10.0.0.1"});
  names_.has("b.test", {"10.0.0.1"});
  make_of({"tls://a.test:1", "tls://b.test:1"});
  ASSERT_THAT(endpoints(), ElementsAre("a.test@10.0.0.1:1", "b.test@10.0.0.1:1"));
  network_.serve("a.test@10.0.0.1:1");
  network_.serve("b.test@10.0.0.1:1");
  call();
  call();
  EXPECT_EQ(network_.requests("a.test@10.0.0.1:1"), 1u);
  EXPECT_EQ(network_.requests("b.test@10.0.0.1:1"), 1u);
  answer_all("a.test@10.0.0.1:1");
  answer_all("b.test@10.0.0.1:1");
  network_.kill("a.test@10.0.0.1:1");
  const size_t number = call();
  answer_all("b.test@10.0.0.1:1");
  EXPECT_EQ(answer(number), "\x01");
}

TEST_F(BackendTlsNamesTest, AnAddressThatPassesToAnotherNameIsAnotherServer) {
  names_.has("a.test", {"10.0.0.1"});
  names_.has("b.test", {"10.0.0.2"});
  make_of({"tls://a.test:1", "tls://b.test:1"});
  network_.serve("a.test@10.0.0.1:1");
  network_.serve("b.test@10.0.0.2:1");
  network_.kill("a.test@10.0.0.1:1", "hostname mismatch");
  network_.kill("b.test@10.0.0.2:1");
  names_.has("a.test", {"10.0.0.3"});
  names_.has("b.test", {"10.0.0.1"});
  look_up();
  ASSERT_EQ(network_.to("b.test@10.0.0.1:1").size(), 1u);
  network_.serve("b.test@10.0.0.1:1");
  const size_t number = call();
  answer_all("b.test@10.0.0.1:1");
  EXPECT_EQ(answer(number), "\x01");
  look_up();
  look_up();
  pass_ms(1);
  EXPECT_THAT(endpoints(), UnorderedElementsAre("b.test@10.0.0.1:1", "a.test@10.0.0.3:1"));
}

// The connections that prove the old name hold, but no new one can.
TEST_F(BackendTlsNamesTest, OneWhoseNameHasLostTheAddressServesUntilTheOtherNameCan) {
  names_.has("a.test", {"10.0.0.1"});
  names_.has_no("b.test");
  make_of({"tls://a.test:1", "tls://b.test:1"});
  network_.serve("a.test@10.0.0.1:1");
  names_.has("a.test", {});
  names_.has("b.test", {"10.0.0.1"});
  look_up();
  look_up();
  look_up();
  const size_t number = call();
  answer_all("a.test@10.0.0.1:1");
  EXPECT_EQ(answer(number), "\x01");
  network_.serve("b.test@10.0.0.1:1");
  pass_ms(1);
  EXPECT_THAT(endpoints(), ElementsAre("b.test@10.0.0.1:1"));
}

TEST_F(BackendTlsNamesTest, WithAndWithoutTlsAreTwoServers) {
  make_of({"tcp://10.0.0.1:1", "tls://10.0.0.1:1"});
  EXPECT_THAT(endpoints(), ElementsAre("10.0.0.1:1", "10.0.0.1@10.0.0.1:1"));
  EXPECT_EQ(network_.to("10.0.0.1:1").size(), 1u) << "without TLS";
  network_.serve("10.0.0.1@10.0.0.1:1");
  const size_t number = call();
  answer_all("10.0.0.1@10.0.0.1:1");
  EXPECT_EQ(answer(number), "\x01");
}

TEST_F(BackendTlsNamesTest, NamesThatNeedNotBeProvenMakeOneServer) {
  names_.has("a.test", {"10.0.0.1"});
  names_.has("b.test", {"10.0.0.1"});
  options_.tls_name = "c.test";
  make_of({"tls://a.test:1", "tls://b.test:1"});
  EXPECT_THAT(endpoints(), ElementsAre("c.test@10.0.0.1:1"));
  backend_.reset();
  options_.tls_name = "";
  options_.tls_allow = {"spiffe://prod/*"};
  make_of({"tls://a.test:1", "tls://b.test:1"});
  EXPECT_THAT(endpoints(), ElementsAre("tls@10.0.0.1:1"));
}

TEST_F(BackendTlsNamesTest, AnOrderForTheAddressIsForAllThatHaveIt) {
  names_.has("a.test", {"10.0.0.1"});
  names_.has("b.test", {"10.0.0.1"});
  make_of({"tls://a.test:1", "tls://b.test:1"});
  network_.serve("a.test@10.0.0.1:1");
  network_.serve("b.test@10.0.0.1:1");
  order("10.0.0.1:1", HandState::drain);
  EXPECT_EQ(state("a.test@10.0.0.1:1"), EndpointState::drain);
  EXPECT_EQ(state("b.test@10.0.0.1:1"), EndpointState::drain);
  order("10.0.0.1:1", HandState::ready);
  order("b.test@10.0.0.1:1", HandState::disabled);
  network_.serve("a.test@10.0.0.1:1");
  EXPECT_EQ(state("a.test@10.0.0.1:1"), EndpointState::up);
  EXPECT_EQ(state("b.test@10.0.0.1:1"), EndpointState::disabled);
}

// One of two names at an address has lost it: what the other has is as good as before.
TEST_F(BackendTlsNamesTest, AnAddressThatOneOfTwoNamesLosesStaysTheOthers) {
  names_.has("a", {"10.0.0.1"});
  names_.has("b", {"10.0.0.1"});
  make_of({"tcp://a:1", "tcp://b:1"});
  network_.serve("10.0.0.1:1");
  names_.has("a", {"10.0.0.2"});
  look_up();
  network_.kill("10.0.0.1:1");
  pass_ms(500);
  network_.serve("10.0.0.1:1");
  EXPECT_EQ(state("10.0.0.1:1"), EndpointState::up);
}

TEST_F(BackendTlsNamesTest, OneOfTwoNamesAtAnAddressIsClearedOrBoth) {
  names_.has("a.test", {"10.0.0.1"});
  names_.has("b.test", {"10.0.0.1"});
  make_of({"tls://a.test:1", "tls://b.test:1"});
  const std::string a = "a.test@10.0.0.1:1", b = "b.test@10.0.0.1:1";
  network_.kill(a);
  network_.kill(b);
  pass_ms(0);
  backend_->clear("10.0.0.2:1");
  EXPECT_TRUE(network_.to(a).empty());
  backend_->clear(a);
  EXPECT_EQ(network_.to(a).size(), 1u);
  EXPECT_TRUE(network_.to(b).empty());
  backend_->clear("10.0.0.1:1");
  EXPECT_EQ(network_.to(b).size(), 1u);
}

// Who is trusted is known of connections that there are; the own certificate is that of new ones.
TEST_F(BackendTlsNamesTest, AnotherCertificateOfOursNeedsNoNewConnectionsOtherAuthoritiesDo) {
  const auto material_of = [](const std::string& certificate, const std::string& authorities) {
    return std::make_shared<const TlsMaterial>(
        TlsMaterial{.certificate = certificate, .authorities = authorities});
  };
  options_.tls_material = material_of("one", "ca");
  make_of({"tls://10.0.0.1:1"});
  BackendOptions changed = options_;
  changed.tls_material = material_of("two", "ca");
  EXPECT_FALSE(backend_->needs_new(changed));
  changed.tls_material = material_of("one", "another ca");
  EXPECT_TRUE(backend_->needs_new(changed));
  changed.tls_material = nullptr;
  EXPECT_TRUE(backend_->needs_new(changed));
}

TEST(ByHandNamesTest, AnOrderForAnAddressTakesThePlaceOfThoseForItsNames) {
  ByHand by_hand;
  const auto set = [&](const std::string& endpoint, HandState state) {
    return by_hand.set("b", endpoint, {state, "", 1});
  };
  const auto stands = [&](const std::string& endpoint) {
    return by_hand.standing_for("b", endpoint).state;
  };
  ASSERT_TRUE(set("a@1.1.1.1:1", HandState::disabled));
  EXPECT_EQ(stands("b@1.1.1.1:1"), HandState::ready);
  EXPECT_TRUE(set("b@1.1.1.1:1", HandState::ready)) << "no order of its address is in the way";
  ASSERT_TRUE(set("1.1.1.1:1", HandState::drain));
  EXPECT_EQ(stands("a@1.1.1.1:1"), HandState::drain);
  EXPECT_EQ(stands("b@1.1.1.1:1"), HandState::drain);
  EXPECT_EQ(stands("b@1.1.1.2:1"), HandState::ready);
  const Status refused = set("a@1.1.1.1:1", HandState::ready);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("1.1.1.1:1"));
  ASSERT_TRUE(set("a@1.1.1.1:1", HandState::disabled));
  EXPECT_EQ(stands("a@1.1.1.1:1"), HandState::disabled);
  ASSERT_TRUE(set("1.1.1.1:1", HandState::ready));
  EXPECT_TRUE(by_hand.list().empty());
}

TEST(ByHandNamesTest, AnOrderForAnAddressLeavesThoseOfOtherBackendsAndAddresses) {
  ByHand by_hand;
  const auto set = [&](const std::string& backend, const std::string& endpoint, HandState state) {
    return by_hand.set(backend, endpoint, {state, "", 1});
  };
  ASSERT_TRUE(set("b", "a@1.1.1.1:1", HandState::disabled));
  ASSERT_TRUE(set("b", "a@1.1.1.2:1", HandState::disabled));
  ASSERT_TRUE(set("c", "a@1.1.1.1:1", HandState::disabled));
  for (const HandState state : {HandState::drain, HandState::ready}) {
    ASSERT_TRUE(set("b", "1.1.1.1:1", state));
    EXPECT_EQ(by_hand.standing_for("b", "a@1.1.1.1:1").state, state);
    EXPECT_EQ(by_hand.standing_for("b", "a@1.1.1.2:1").state, HandState::disabled);
    EXPECT_EQ(by_hand.standing_for("c", "a@1.1.1.1:1").state, HandState::disabled);
  }
  EXPECT_EQ(by_hand.list().size(), 2u);
}

}  // namespace
}  // namespace zerogate::testing
