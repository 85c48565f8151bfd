#include "core/io/zmq_curve.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate::testing {
namespace {

TEST(ZmqCurveTest, APairsPublicKeyIsThatOfItsSecretOne) {
  const CurveCertificate one = make_curve_pair();
  const CurveCertificate other = make_curve_pair();
  EXPECT_EQ(one.public_key.size(), CurveCertificate::kKeyChars);
  EXPECT_EQ(one.secret_key.size(), CurveCertificate::kKeyChars);
  EXPECT_EQ(curve_public_key(one.secret_key), one.public_key);
  EXPECT_NE(one.public_key, one.secret_key);
  EXPECT_NE(one.secret_key, other.secret_key);
}

TEST(ZmqCurveTest, WhatIsNoSecretKeyHasNoPublicOne) {
  EXPECT_EQ(curve_public_key(std::string(CurveCertificate::kKeyChars - 1, '0')), "");
  EXPECT_EQ(curve_public_key(std::string(CurveCertificate::kKeyChars, '"')), "");
}

TEST(ZmqCurveTest, AKeyHas32Bytes) {
  EXPECT_EQ(curve_text(std::string(32, '\0')), std::string(CurveCertificate::kKeyChars, '0'));
  EXPECT_EQ(curve_text(std::string(28, '\0') + "\xff\xff\xff\xff"),
            std::string(CurveCertificate::kKeyChars - 5, '0') + "%nSc0");
  for (const size_t bytes : {0, 28, 31, 33, 36}) {
    EXPECT_EQ(curve_text(std::string(bytes, '\0')), "") << bytes;
  }
}

TEST(ZmqCurveTest, ASocketServesOrSpeaksItWithItsKeys) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket server(zmq_socket(context.get(), ZMQ_ROUTER));
  const ZmqSocket client(zmq_socket(context.get(), ZMQ_DEALER));
  const CurveCertificate servers = make_curve_pair();
  const CurveCertificate clients = make_curve_pair();
  ASSERT_TRUE(serve_curve(server, servers.secret_key));
  ASSERT_TRUE(speak_curve(client, servers.public_key, clients.secret_key));
  const auto number = [](const ZmqSocket& socket, int option) {
    int value = -1;
    size_t size = sizeof value;
    zmq_getsockopt(socket.get(), option, &value, &size);
    return value;
  };
  const auto key = [](const ZmqSocket& socket, int option) {
    char text[CurveCertificate::kKeyChars + 1] = {};
    size_t size = sizeof text;
    zmq_getsockopt(socket.get(), option, text, &size);
    return std::string(text);
  };
  EXPECT_EQ(number(server, ZMQ_MECHANISM), ZMQ_CURVE);
  EXPECT_EQ(number(server, ZMQ_CURVE_SERVER), 1);
  EXPECT_EQ(key(server, ZMQ_CURVE_SECRETKEY), servers.secret_key);
  EXPECT_EQ(number(client, ZMQ_MECHANISM), ZMQ_CURVE);
  EXPECT_EQ(number(client, ZMQ_CURVE_SERVER), 0);
  EXPECT_EQ(key(client, ZMQ_CURVE_SERVERKEY), servers.public_key);
  EXPECT_EQ(key(client, ZMQ_CURVE_PUBLICKEY), clients.public_key);
  EXPECT_EQ(key(client, ZMQ_CURVE_SECRETKEY), clients.secret_key);
}

TEST(ZmqCurveTest, KeysThatLibzmqDoesNotTakeAreRefused) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket socket(zmq_socket(context.get(), ZMQ_DEALER));
  const CurveCertificate good = make_curve_pair();
  for (const std::string& bad : {std::string(CurveCertificate::kKeyChars, '"'), std::string(),
                                 good.secret_key.substr(1), good.secret_key + "0"}) {
    EXPECT_FALSE(serve_curve(socket, bad)) << bad;
    EXPECT_FALSE(speak_curve(socket, bad, good.secret_key)) << bad;
    EXPECT_FALSE(speak_curve(socket, good.public_key, bad)) << bad;
  }
  EXPECT_TRUE(speak_curve(socket, good.public_key, good.secret_key));
}

}  // namespace
}  // namespace zerogate::testing
