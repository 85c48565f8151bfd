// The texts of --help: the part that follows from the table of settings is made from it.
#pragma once

#include <string>

#include "gateway/config/settings.h"

namespace zerogate {

std::string program_help();
std::string serve_help(const SettingsTable& table);
std::string check_help();
std::string functions_help();
std::string keys_help();
std::string call_help();
std::string bench_help();
std::string healthcheck_help();
std::string clients_help();
std::string backends_help();

}  // namespace zerogate
