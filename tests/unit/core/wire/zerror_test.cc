#include "core/wire/zerror.h"

#include <gtest/gtest.h>

#include <string>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;
using testing::RandomValues;
using testing::times;

std::string error_of(ErrorKey key, ByteView message) {
  std::string out = "before";
  write_error(out, key, message);
  return out.substr(6);
}

std::string map_of(std::initializer_list<std::string> keys_and_values) {
  std::string out;
  write_map(out, static_cast<uint32_t>(keys_and_values.size() / 2));
  for (const std::string& value : keys_and_values) {
    out += value;
  }
  return out;
}
std::string str(ByteView text) {
  std::string out;
  write_str(out, text);
  return out;
}

// Bytes of msgspec.msgpack.encode({key: message}), msgspec 0.22.0, which is how the servers of
// zeroapi 1.0.1 make an error; the messages are theirs too.
TEST(WriteError, WritesTheBytesOfTheRealServer) {
  EXPECT_EQ(
      error_of(ErrorKey::function_not_found, "Function `nope` not found!"),
      from_hex(
          "81bc5f5f7a6572726f725f5f66756e6374696f6e5f6e6f745f666f756e64ba46756e6374696f6e20606e"
          "6f706560206e6f7420666f756e6421"));
  EXPECT_EQ(error_of(ErrorKey::server_exception, "RuntimeError('boom')"),
            from_hex("81ba5f5f7a6572726f725f5f7365727665725f657863657074696f6eb452756e74696d654572"
                     "726f722827626f6f6d2729"));
  EXPECT_EQ(
      error_of(ErrorKey::validation_error, "Expected `int`, got `str` - at `key` in `$`"),
      from_hex(
          "81ba5f5f7a6572726f725f5f76616c69646174696f6e5f6572726f72d92b45787065637465642060696e"
          "74602c20676f74206073747260202d20617420606b65796020696e20602460"));
  EXPECT_EQ(error_of(ErrorKey::server_exception, kCannotProcess),
            from_hex("81ba5f5f7a6572726f725f5f7365727665725f657863657074696f6ed9417365727665722063"
                     "616e6e6f742070726f63657373206d6573736167652c20636865636b20736572766572206c6f"
                     "677320666f72206d6f72652064657461696c73"));
}

TEST(WriteError, NeverWritesAnEmptyMessage) {
  EXPECT_EQ(error_of(ErrorKey::server_exception, ""),
            error_of(ErrorKey::server_exception, "unknown error"));
}

TEST(WriteError, WritesUtf8WhateverTheMessageIs) {
  EXPECT_EQ(error_of(ErrorKey::server_exception, "bad \xff byte"),
            error_of(ErrorKey::server_exception, "bad \xef\xbf\xbd byte"));
  EXPECT_TRUE(error_of(ErrorKey::server_exception, "caf\xc3\xa9").ends_with("caf\xc3\xa9"));
}

TEST(WriteError, IsAnErrorBody) {
  for (auto key :
       {ErrorKey::function_not_found, ErrorKey::server_exception, ErrorKey::validation_error}) {
    const std::string body = error_of(key, "text");
    EXPECT_TRUE(is_one_value(body));
    EXPECT_TRUE(is_error_body(body));
  }
}

TEST(FunctionNotFound, SpeaksTheWordsOfZero) {
  EXPECT_EQ(function_not_found("nope"), "Function `nope` not found!");
  EXPECT_EQ(function_not_found(""), "Function `` not found!");
}

TEST(FunctionNotFound, CutsALongName) {
  EXPECT_EQ(function_not_found(std::string(256, 'n')),
            "Function `" + std::string(256, 'n') + "` not found!");
  EXPECT_EQ(function_not_found(std::string(257, 'n')),
            "Function `" + std::string(256, 'n') + "...` not found!");
  // 255 bytes and a character of two: it goes as a whole.
  EXPECT_EQ(function_not_found(std::string(255, 'n') + "\xc3\xa9"),
            "Function `" + std::string(255, 'n') + "...` not found!");
}

TEST(FunctionNotFound, StaysUtf8) {
  EXPECT_EQ(function_not_found("a\xff"), "Function `a\xef\xbf\xbd` not found!");
}

TEST(IsErrorBody, LooksAtEveryStringKey) {
  const std::string nil = "\xc0";
  EXPECT_TRUE(is_error_body(map_of({str("__zerror__"), nil})));
  EXPECT_TRUE(is_error_body(map_of({str("__zerror__of_my_own"), str("x")})));
  EXPECT_TRUE(is_error_body(map_of({str("order"), str("1"), str("__zerror__x"), nil})));
  EXPECT_TRUE(is_error_body(map_of({"\x05", nil, "\x91\x01", nil, str("__zerror__x"), nil})));
  // A head longer than it need be is the same str to the real server.
  EXPECT_TRUE(is_error_body(map_of({from_hex("d90a") + "__zerror__", nil})));
  std::string many = from_hex("de03e9");
  for (int i = 0; i < 1000; ++i) {
    many += str("key") + "\x01";
  }
  EXPECT_TRUE(is_error_body(many + str("__zerror__x") + nil));
}

TEST(IsErrorBody, LooksAtNothingButTheKeysOfTheMap) {
  const std::string nil = "\xc0";
  EXPECT_FALSE(is_error_body(""));
  EXPECT_FALSE(is_error_body(nil));
  EXPECT_FALSE(is_error_body("\x80"));
  EXPECT_FALSE(is_error_body(str("__zerror__x")));
  EXPECT_FALSE(is_error_body(map_of({str("ok"), str("__zerror__x")})));
  EXPECT_FALSE(is_error_body(map_of({str("a __zerror__x"), nil})));
  EXPECT_FALSE(is_error_body(map_of({str("__zerror_"), nil})));
  EXPECT_FALSE(is_error_body(map_of({str("in"), map_of({str("__zerror__x"), nil})})));
  EXPECT_FALSE(is_error_body(map_of({map_of({str("__zerror__x"), nil}), nil})));
  EXPECT_FALSE(is_error_body("\x91" + map_of({str("__zerror__x"), nil})));
  // bytes are not a str in Python
  EXPECT_FALSE(is_error_body(map_of({from_hex("c40a") + "__zerror__", nil})));
}

// The prefix is looked for by its `z`.
TEST(IsErrorBody, FindsThePrefixBehindAnyNumberOfItsLetter) {
  const std::string nil = "\xc0";
  for (size_t count = 0; count < 40; ++count) {
    const std::string zs(count, 'z');
    EXPECT_TRUE(is_error_body(map_of({str(zs), str("_z__z"), str("__zerror__x"), nil}))) << count;
    EXPECT_FALSE(is_error_body(map_of({str(zs), str("_z__z"), str("__zerror_"), nil}))) << count;
  }
}

TEST(IsErrorBody, SurvivesAnyBytes) {
  RandomValues values(4);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = "\xde" + values.bytes(2) + values.value() + str("__zerror__x");
    bytes[values.below(bytes.size())] = static_cast<char>(values.below(256));
    is_error_body(bytes.substr(0, values.below(bytes.size() + 1)));
  }
  EXPECT_FALSE(is_error_body(from_hex("df ffffffff") + times(3, str("k")) + "__zerror__"));
}

std::string for_old_client(ByteView body) {
  std::string out = "before";
  append_for_old_client(out, body);
  return out.substr(6);
}

// The real clients of 0.0.1 to 0.3.51 and of 0.3.60 to 0.5.2 both raise MethodNotFoundException for
// the first of these; the latter raise RemoteException for the second.
TEST(AppendForOldClient, PutsTheOldKeyBesideTheNewOne) {
  const std::string text = str("Function `nope` not found!");
  EXPECT_EQ(
      for_old_client(error_of(ErrorKey::function_not_found, "Function `nope` not found!")),
      map_of({str("__zerror__function_not_found"), text, str("__zerror__method_not_found"), text}));
  EXPECT_EQ(for_old_client(error_of(ErrorKey::validation_error, "Expected `int`")),
            map_of({str("__zerror__validation_error"), str("Expected `int`"),
                    str("__zerror__server_exception"), str("Expected `int`")}));
}

TEST(AppendForOldClient, LeavesEverythingElse) {
  for (const std::string& body : {
           error_of(ErrorKey::server_exception, "RuntimeError('boom')"),
           map_of({str("__zerror__other"), "\x01"}),
           map_of({str("__zerror__method_not_found"), "\x01"}),
           // the old key is there already
           map_of({str("__zerror__function_not_found"), "\x01", str("__zerror__method_not_found"),
                   "\x02"}),
           map_of({str("a"), error_of(ErrorKey::function_not_found, "deeper")}),
           str("__zerror__function_not_found"),
           std::string("\xc0"),
           // not well formed, though it begins like an error
           from_hex("82") + str("__zerror__function_not_found"),
           from_hex("82") + str("__zerror__function_not_found") + "\x01",
           from_hex("dfffffffff") + str("__zerror__function_not_found") + "\x01",
       }) {
    EXPECT_EQ(for_old_client(body), body);
  }
}

TEST(AppendForOldClient, KeepsTheOtherPairsAndWritesALongerHead) {
  std::string many;
  write_map(many, 15);
  for (char c = 'a'; c < 'o'; ++c) {
    many += str(ByteView(&c, 1)) + "\x01";
  }
  const std::string expected = many.substr(1) + str("__zerror__function_not_found") + "\x05" +
                               str("__zerror__method_not_found") + "\x05";
  many += str("__zerror__function_not_found") + "\x05";
  EXPECT_EQ(for_old_client(many), from_hex("de0010") + expected);
}

TEST(AppendForOldClient, FindsTheNewKeyBehindKeysOfAnyType) {
  const std::string pairs = "\x05" + str("__zerror__method_not_found") + str("ab") + "\xc0" +
                            str("__zerror__function_not_found") + "\x07";
  EXPECT_EQ(for_old_client("\x83" + pairs),
            "\x84" + pairs + str("__zerror__method_not_found") + "\x07");
}

TEST(ErrorKeyTest, IsThatOfTheFirstErrorInTheMap) {
  const std::string nil = "\xc0";
  const auto key_of = [&](ByteView key) {
    return error_key(map_of({str("a"), nil, str(key), nil}));
  };
  EXPECT_EQ(key_of("__zerror__function_not_found"), ErrorKey::function_not_found);
  EXPECT_EQ(key_of("__zerror__validation_error"), ErrorKey::validation_error);
  EXPECT_EQ(key_of("__zerror__server_exception"), ErrorKey::server_exception);
  EXPECT_EQ(key_of("__zerror__validation_errors"), ErrorKey::server_exception);
  EXPECT_EQ(key_of("__zerror"), std::nullopt);
  EXPECT_EQ(error_key(map_of({str("__zerror__validation_error"), nil,
                              str("__zerror__function_not_found"), nil})),
            ErrorKey::validation_error);
}

}  // namespace
}  // namespace zerogate::wire
