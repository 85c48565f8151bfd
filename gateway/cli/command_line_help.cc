#include "gateway/cli/command_line_help.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/config/settings.h"

namespace zerogate {
namespace {

std::string usage_of(const Setting& setting) {
  return fmt::format("{} {}", setting.flag, setting.placeholder);
}

/// Two lines for each flag, one for each other key.
std::string settings_help(const SettingsTable& table) {
  std::string flags;
  std::string others;
  size_t widest = 0;
  for (const Setting& setting : table) {
    if (setting.flag.empty()) {
      widest = std::max(widest, setting.path.size());
    }
  }
  for (const Setting& setting : table) {
    const std::string fallback = setting.default_text();
    if (setting.flag.empty()) {
      others +=
          fmt::format("  {:{}}  {}; default {}\n", setting.path, widest, setting.help, fallback);
    } else {
      flags += fmt::format("  {:22}  {}\n  {:22}  {}, default {}{}\n", usage_of(setting),
                           setting.help, "", setting.environment_name(), fallback,
                           setting.can_be_off ? "; off: none" : "");
    }
  }
  return fmt::format(
      "{}  {:22}  this text\n"
      "\n"
      "Keys without a flag, for the file or the environment (redis.timeout is "
      "ZEROGATE_REDIS_TIMEOUT):\n"
      "{}"
      "\n"
      "backends and routes (more than one backend, time-outs, pools) are keys of the file, and "
      "YAML in\n"
      "ZEROGATE_BACKENDS and ZEROGATE_ROUTES; deploy/zerogate.yaml explains them. --bridge makes a "
      "backend\n"
      "named 'bridge' and a last route to it for every function. Once there are routes, functions "
      "are\n"
      "served here only when handlers names them.\n"
      "\n"
      "--listen-zmq or --listen-tcp may take the other's default address: the other is then off, "
      "unless it\n"
      "is given an address too. zerogate serve --listen-zmq 127.0.0.1:5559 --bridge "
      "tcp://orders:5559\n"
      "\n"
      "A flag goes before the environment, that before the file, and that before the default.\n",
      flags, "-h, --help", others);
}

}  // namespace

std::string program_help() {
  return R"(zerogate, a gateway for Zero RPC

  zerogate serve [--config FILE] [flags]                 serve until SIGTERM
  zerogate check [--config FILE] [flags]                 check a configuration
  zerogate functions [--config FILE] [--json]            which functions there are, and their types
  zerogate call URL FUNCTION [JSON] [--timeout 5s]       call a function once
  zerogate bench URL FUNCTION [JSON] [flags]             put load on a server and measure it
  zerogate healthcheck [--admin HOST:PORT]               ask a running gateway whether it is ready
  zerogate clients [--admin HOST:PORT] [--watch]         who calls a running gateway, busiest first
  zerogate backends [drain NAME ENDPOINT]                a running gateway's endpoints; take one out
  zerogate keys curve NAME                               make a pair of CURVE keys
  zerogate --version                                     version and revision
  zerogate COMMAND --help                                flags, variables and defaults

Without flags 'serve' listens on 127.0.0.1 only: TCP on 5559, ZeroMQ on 5560, metrics on 9464.
Exit status: 0 fine, 1 failed while running, 2 usage or configuration.
)";
}

std::string serve_help(const SettingsTable& table) {
  return fmt::format(
      "zerogate serve [--config FILE] [flags]\n"
      "Serves until SIGTERM or SIGINT, which answer what is in flight and then stop. SIGHUP reads\n"
      "the configuration again.\n"
      "\n"
      "  {:22}  configuration in YAML; default: what ZEROGATE_CONFIG names\n"
      "{}",
      "--config FILE", settings_help(table));
}

std::string check_help() {
  return R"(zerogate check [--config FILE] [--diff] [flags of serve]
Checks the configuration that 'zerogate serve' would take, environment and flags included. Prints
"FILE: ok", or each error with file, line and what would fix it and exits with status 2. What is
surely not meant, and limits of this shell that are too low, are warnings.

  --config FILE           configuration in YAML; default: what ZEROGATE_CONFIG names
  --diff                  also show how it differs from what the running gateway was told, and what
                          of that a reload does not change; give the flags of its serve, too. Status
                          1 when a reload would be refused, which a line says, or none answers
  -h, --help              this text
)";
}

std::string functions_help() {
  return R"(zerogate functions [--config FILE] [--json] [flags of serve]
Prints the functions of this program: name and types as Python clients see them, what each does, and
who would answer it with this configuration: this program, or the backend that the first matching
route names. Then the routes. Nothing is asked over the network.

  --config FILE           configuration in YAML; default: what ZEROGATE_CONFIG names
  --json                  the same as one line of JSON, with the fields of structs
  -h, --help              this text

'python -m zero.generate_client' against a running gateway writes a Python client for them.
)";
}

std::string keys_help() {
  return R"(zerogate keys curve NAME
Makes a pair of CURVE keys: NAME.key, the public one, for the other side, and NAME.key_secret, which
only its owner can read and which has both. Files that are there already stay. Prints the three
lines with which a Python client takes them.

  -h, --help              this text
)";
}

std::string call_help() {
  return R"(zerogate call URL FUNCTION [JSON] [--timeout DURATION]
Calls a function once and prints its answer as JSON. An error's text goes to stderr, status 1.

  URL                     tcp://host:port     Zero's TCP protocol
                          unix:/path          the same on a local socket
                          zmq://host:port     Zero's ZeroMQ protocol
                          ipc:/path           the same on a local socket
  FUNCTION                the function's name
  JSON                    its argument, default null; - reads it from stdin
  --timeout DURATION      for connecting and for the answer, as in 500ms; default 5s
  -h, --help              this text

Example: zerogate call tcp://127.0.0.1:5559 echo '{"a": [1, 2.5]}'
)";
}

std::string bench_help() {
  return R"(zerogate bench URL FUNCTION [JSON] [flags]
Puts load on any Zero server and prints requests per second and percentiles of latency. Ctrl-C ends
it early and prints what was measured so far. Exit status 1 when no call was answered rightly.

  URL                     tcp:// unix: zmq:// ipc:, as for 'zerogate call', or tls://host:port
  FUNCTION                the function's name
  JSON                    its argument, default null
  --connections N         1 to 20000, default 16
  --depth N               calls in flight on each connection, 1 to 10000; default 1, with --rate 64
  --duration DURATION     what is measured, default 10s
  --warmup DURATION       what comes before it, default 1s
  --rate N                calls per second over all connections, up to 10000000 (open loop): calls
                          are due at even distances, and latency counts from then, so that a stall
                          shows in full. Without: each answer sends the next call (closed loop)
  --timeout DURATION      for opening connections and for each answer, default 5s; with --rate also
                          how long after its time a call may still be sent
  --expect JSON           the result; another one counts as an error
  --ca FILE, --cert FILE, --key FILE
                          with tls://, in PEM: the CAs that sign the server's certificate (default:
                          the system's), and what it is shown
  --json                  the report as one line of JSON
  -h, --help              this text

Percentiles are of the right answers, and at most 0.8 % off. Errors count by kind: not_found,
exception and validation are the server's answers; unexpected (see --expect), malformed,
disconnected, timeout; unsent, when with --rate no connection had room for a call before its
time-out.

Example: zerogate bench tcp://127.0.0.1:5559 hello_world --connections 64 --depth 16
)";
}

std::string healthcheck_help() {
  return R"(zerogate healthcheck [--admin HOST:PORT] [--config FILE] [--timeout DURATION]
Asks a running gateway's admin port for /readyz and prints one line: status 0 when it is ready, 1
when it is not (starting or draining) or does not answer. For HEALTHCHECK of an image and the like.
When no gateway is where the configuration says, it asks the one that runs: the one of the same
file, whatever is written there by now, or of the same container.

  --admin HOST:PORT       where to ask; default as for serve: ZEROGATE_ADMIN, the file, or
                          127.0.0.1:9464. 0.0.0.0 and [::] are asked on loopback
  --config FILE           configuration in YAML; default: what ZEROGATE_CONFIG names
  --timeout DURATION      for the whole, as in 500ms; default 2s
  -h, --help              this text
)";
}

std::string clients_help() {
  return R"(zerogate clients [--watch] [--admin HOST:PORT] [--config FILE] [--timeout DURATION]
Shows who calls a running gateway, the busiest first: address, protocol, wire, identity (with
CURVE), last function, calls per second (of the last second or more), calls, calls under way, bytes
of replies that wait for the client to read, since when it is known, and (with CURVE) for how long
it was sent nothing. At most 200 rows; how many were left out stands below. Status 1 when nothing
answers.

  --watch                 again every second, until Ctrl-C
  --admin HOST:PORT       where to ask; default as for serve: ZEROGATE_ADMIN, the file, or
                          127.0.0.1:9464. 0.0.0.0 and [::] are asked on loopback
  --config FILE           configuration in YAML; default: what ZEROGATE_CONFIG names
  --timeout DURATION      for each question, as in 500ms; default 2s
  -h, --help              this text

A row is a connection: one client may have many. Of clients with CURVE libzmq tells no port, nor
whose connection has ended: a W5 client that has gone is found out by its next keep-alive frame;
others are listed until newer ones need their place. GET /clients on the admin port is the same as
JSON.
)";
}

std::string backends_help() {
  return R"(zerogate backends [ACTION NAME ENDPOINT [--reason TEXT]] [--admin HOST:PORT]
Without words: a table of the endpoints of a running gateway's backends: state, since when it is so,
connections, calls under way, attempts that failed (no answer in time, or the connection was lost),
and why. With words it does something to one endpoint, as the table spells it:

  disable NAME ENDPOINT   close its connections at once; calls under way on them fail, or are sent
                          elsewhere as after a lost connection
  drain NAME ENDPOINT     no new calls; its connections are closed when those under way have ended
  enable NAME ENDPOINT    take either back
  clear NAME ENDPOINT     one that was set aside for its failures is tried at once

  --reason TEXT           shown in the table, in the log and to callers when no endpoint is left
  --admin HOST:PORT       where to ask; default as for serve: ZEROGATE_ADMIN, the file, or
                          127.0.0.1:9464. 0.0.0.0 and [::] are asked on loopback
  --config FILE           configuration in YAML; default: what ZEROGATE_CONFIG names
  --timeout DURATION      for the whole, as in 500ms; default 2s
  -h, --help              this text

What is ordered outlives a reload and a change of addresses, and goes with the process. Status 1
when the gateway refuses or does not answer.

Example: zerogate backends drain orders 10.0.0.2:5559 --reason 'new version'
)";
}

}  // namespace zerogate
