// zerogate: the gateway with the functions that it comes with.
#include "gateway/cli/command_line.h"

int main(int argc, char** argv) { return zerogate::main(argc, argv); }
