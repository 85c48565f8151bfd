// Everything that a gateway with its own functions needs.
#pragma once

#include "core/sdk/fields.h"
#include "core/sdk/functions.h"
#include "core/sdk/values.h"

namespace zerogate {

/// The whole program: does what the command line asks for (`--help` tells) with these functions in
/// place of hello_world and the like, and returns the exit status. Once, on the main thread.
int main(int argc, char** argv, const Functions& functions);

}  // namespace zerogate
