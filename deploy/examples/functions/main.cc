// A gateway with functions of its own.
#include "functions.h"

int main(int argc, char** argv) { return zerogate::main(argc, argv, notes::functions()); }
