#include "core/client/error_text.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(ErrorTextTest, IsWhatTheServerSaid) {
  EXPECT_EQ(error_text("\x81\xbf__zerror__function_not_found_id\xa4"
                       "nope"),
            "function_not_found_id: nope");
}

TEST(ErrorTextTest, StaysOnOneLine) {
  EXPECT_EQ(error_text("\x81\xac__zerror__ab\xa3"
                       "a\nb"),
            "ab: a b");
}

TEST(ErrorTextTest, OtherBodiesAreShownAsTheyAre) {
  EXPECT_EQ(error_text("\x82\x01\x02\xac__zerror__ab\x03"), "error: {\"1\":2,\"__zerror__ab\":3}");
  EXPECT_EQ(error_text("\x07"), "error: 7");
}

TEST(ErrorTextTest, AnErrorMayStandBehindOtherPairs) {
  EXPECT_EQ(error_text("\x83\x01\x02\xac__zerror__ab\x03\xac__zerror__cd\xa1x"), "cd: x");
}

TEST(ErrorTextTest, ACutOffBodyIsSaidToBeOne) {
  EXPECT_EQ(error_text("\x82\x01\x02\xac__zerror").find("an error that is "), 0u);
}

TEST(ErrorTextTest, ItsKeyStaysOnThatLineToo) {
  EXPECT_EQ(error_text("\x81\xad__zerror__\n\x1b[\xa1"
                       "b"),
            "  [: b");
}

TEST(ErrorTextTest, IsUtf8) { EXPECT_EQ(error_text("\x81\xac__zerror__ab\xa1\xff"), "ab: \ufffd"); }

}  // namespace
}  // namespace zerogate
