#include "gateway/http/gzip.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(Gzip, IsSentToThoseWhoTakeIt) {
  for (const char* header : {"gzip", "deflate, gzip;q=0.5", "GZIP", "*", "br , x-gzip", "*;q=0.1",
                             "gzip;q=1.0, identity;q=0.5, *;q=0"}) {
    EXPECT_TRUE(accepts_gzip(header)) << header;
  }
  for (const char* header : {"", "identity", "gzip;q=0", "gzip; q=0.000, *", "br", "*;q=0", ",,",
                             "gzipped", "deflate;gzip"}) {
    EXPECT_FALSE(accepts_gzip(header)) << header;
  }
}

}  // namespace
}  // namespace zerogate
