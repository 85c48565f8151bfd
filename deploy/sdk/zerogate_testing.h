// What a unit test of functions needs: TestGateway, and all of zerogate.h.
#pragma once

#include "core/testing/test_gateway.h"
#include "zerogate.h"
