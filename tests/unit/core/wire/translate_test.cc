#include "core/wire/translate.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;
using testing::times;

TEST(None, IsNilInsideAndNothingInAZmqRequest) {
  EXPECT_EQ(empty_from_nil("\xc0"), "");
  EXPECT_EQ(nil_from_empty(""), "\xc0");
  for (const char* value : {"\xa0", "\x01", "\xc2", "\x91\xc0"}) {
    EXPECT_EQ(empty_from_nil(value), value);
    EXPECT_EQ(nil_from_empty(value), value);
  }
  EXPECT_EQ(empty_from_nil(""), "");
  EXPECT_EQ(nil_from_empty("\xc0"), "\xc0");
}

TEST(FitsZmqName, RefusesWhatWouldNotArriveAsItIs) {
  EXPECT_TRUE(fits_zmq_name("e"));
  EXPECT_TRUE(fits_zmq_name("two words"));
  EXPECT_TRUE(fits_zmq_name(std::string(80, 'n')));
  EXPECT_FALSE(fits_zmq_name(std::string(81, 'n')));
  EXPECT_FALSE(fits_zmq_name(""));
  EXPECT_FALSE(
      fits_zmq_name("f\xc3\xbc\xc3\x9f"
                    "e"));
  EXPECT_FALSE(fits_zmq_name("\xff"));
  for (const char* space : {" ", "\t", "\n", "\v", "\f", "\r"}) {
    EXPECT_FALSE(fits_zmq_name(std::string(space) + "echo"));
    EXPECT_FALSE(fits_zmq_name(std::string("echo") + space));
  }
  EXPECT_TRUE(fits_zmq_name(std::string("nul\0", 4)));  // strip() leaves it
}

TEST(ContractArgument, GetsTheTwoItemsOfTheNewerServer) {
  std::string out = "before";
  // msgspec.msgpack.encode(["127.0.0.1", 5559]) and the same with "zmq", False behind.
  EXPECT_TRUE(write_full_contract_argument(out, from_hex("92a93132372e302e302e31cd15b7")));
  EXPECT_EQ(out, "before" + from_hex("94a93132372e302e302e31cd15b7a37a6d71c2"));
  out.clear();
  EXPECT_TRUE(write_full_contract_argument(out, from_hex("dd00000002c0d90161")));  // a long head
  EXPECT_EQ(out, from_hex("94c0d90161a37a6d71c2"));
}

TEST(ContractArgument, IsLeftAloneWhenItIsAnythingElse) {
  for (const char* hex : {"94a93132372e302e302e31cd15b7a37a6d71c2", "", "c0", "a0", "90", "9101",
                          "93010203", "92", "9201", "92010203", "920102c0", "8201020304"}) {
    std::string out = "before";
    EXPECT_FALSE(write_full_contract_argument(out, from_hex(hex))) << hex;
    EXPECT_EQ(out, "before") << hex;
  }
}

}  // namespace
}  // namespace zerogate::wire
