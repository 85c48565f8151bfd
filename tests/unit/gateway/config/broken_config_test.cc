// Mistakes in a configuration file, each with the one line that tells of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;

class BrokenConfig : public ConfigTest, public ::testing::WithParamInterface<Broken> {};

TEST_P(BrokenConfig, GivesExactlyThisLine) {
  EXPECT_THAT(errors(GetParam().text), ElementsAre(GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BrokenConfig,
    ::testing::Values(
        Broken{"\n\n\n\n\n\nlistn: {}\n",
               "zerogate.yaml:7: unknown key 'listn'; did you mean 'listen'?"},
        Broken{"limits:\n  mesage: 1\n",
               "zerogate.yaml:2: unknown key 'limits.mesage'; did you mean 'limits.message'?"},
        Broken{"in_flight: 1\n",
               "zerogate.yaml:1: unknown key 'in_flight'; did you mean 'limits.in_flight'?"},
        Broken{"listen_tcp: 1\n",
               "zerogate.yaml:1: unknown key 'listen_tcp'; did you mean 'listen.tcp'?"},
        Broken{"listen.tcp: 1\n",
               "zerogate.yaml:1: unknown key 'listen.tcp'; write listen: {tcp: ...}"},
        Broken{
            "frobnicate: 1\n",
            "zerogate.yaml:1: unknown key 'frobnicate'; known are threads, listen, curve, admin, "
            "admin_mode, admin_group, admin_hosts, admin_token, admin_token_file, admin_tls, tls, "
            "log, limits, zmq_keep_alive, drain_delay, drain_timeout, redis, handlers, backends, "
            "routes and rate_limits"},
        Broken{"redis: {password: x}\n",
               "zerogate.yaml:1: unknown key 'redis.password'; redis has "
               "url, tls_ca, tls_cert, tls_key, tls_name, connections and timeout"},
        Broken{"threads: 1\nadmin: null\nthreads: 2\n",
               "zerogate.yaml:3: key 'threads' stands twice, first on line 1; keep one"},
        Broken{"log:\n  level: info\n  level: warn\n",
               "zerogate.yaml:3: key 'level' stands twice, first on line 2; keep one"},
        Broken{"? [a, b]\n: 1\n",
               "zerogate.yaml:1: a key must be a single word; write 'key: value'"}));

INSTANTIATE_TEST_SUITE_P(
    Values, BrokenConfig,
    ::testing::Values(
        Broken{"\n\nlimits: {message: 16Mib}\n",
               "zerogate.yaml:3: limits.message: '16Mib' is not a size; "
               "write bytes or a unit, as in 64KiB or 16MiB"},
        Broken{"limits: {message: 1023}",
               "zerogate.yaml:1: limits.message: '1023' is out of range; write 1KiB to 1GiB"},
        Broken{"limits: {message: 2GiB}",
               "zerogate.yaml:1: limits.message: '2GiB' is out of range; write 1KiB to 1GiB"},
        Broken{"limits: {memory: 16383KiB}",
               "zerogate.yaml:1: limits.memory: '16383KiB' is out of range; write 16MiB to "
               "1024GiB"},
        Broken{"limits: {memory: 1025GiB}",
               "zerogate.yaml:1: limits.memory: '1025GiB' is out of range; write 16MiB to "
               "1024GiB"},
        Broken{"limits: {connections: 0}",
               "zerogate.yaml:1: limits.connections: '0' is out of range; write 1 to 1000000"},
        Broken{"limits: {in_flight: -1}",
               "zerogate.yaml:1: limits.in_flight: '-1' is not a whole "
               "number; write 1 to 10000000"},
        Broken{"threads: 257",
               "zerogate.yaml:1: threads: '257' is out of range; write 1 to 256, or auto"},
        Broken{"threads: many",
               "zerogate.yaml:1: threads: 'many' is not a whole number; write 1 to 256, or auto"},
        Broken{"drain_timeout: 8",
               "zerogate.yaml:1: drain_timeout: '8' is not a duration; "
               "write a whole number with its unit, as in 250ms, 5s or 1m"},
        Broken{"drain_timeout: 0s",
               "zerogate.yaml:1: drain_timeout: '0s' is out of range; write 1ms to 1h"},
        Broken{"redis:\n  timeout: 2h\n",
               "zerogate.yaml:2: redis.timeout: '2h' is out of range; write 1ms to 1h"},
        Broken{"admin: \"a\\\x1b\"\n",
               "zerogate.yaml:1: not YAML: unknown escape character:  ; check indentation, "
               "brackets and quotes here"},
        Broken{"log: {level: verbose}",
               "zerogate.yaml:1: log.level: 'verbose' is not known; "
               "write debug, info, warn, error or off"},
        Broken{"log: {format: xml}",
               "zerogate.yaml:1: log.format: 'xml' is not known; write logfmt or json"},
        Broken{"log: {access: 2}",
               "zerogate.yaml:1: log.access: '2' is no share of calls; write off, all, or a number "
               "above 0 and up to 1 such as 0.01"},
        Broken{"log: {access: nan}",
               "zerogate.yaml:1: log.access: 'nan' is no share of calls; write off, all, or a "
               "number above 0 and up to 1 such as 0.01"},
        Broken{"log: {slow: 2}",
               "zerogate.yaml:1: log.slow: '2' is not a duration; "
               "write a whole number with its unit, as in 250ms, 5s or 1m"},
        Broken{"listen: {tcp: 127.0.0.1:70000}",
               "zerogate.yaml:1: listen.tcp: '127.0.0.1:70000' has no port from 0 to 65535; "
               "write host:port, as in 127.0.0.1:5559"},
        Broken{"listen: {mode: 0680}",
               "zerogate.yaml:1: listen.mode: '0680' is no mode of a file; write it as chmod does, "
               "as in 0660"},
        Broken{"admin_mode: 1777",
               "zerogate.yaml:1: admin_mode: '1777' is no mode of a file; write it as chmod does, "
               "as in 0660"},
        Broken{"listen: {group: 'a:b'}",
               "zerogate.yaml:1: listen.group: 'a:b' is no group; write its name or number"},
        Broken{"listen:\n  allow:\n    - fd00::/8\n    - 10.1.2.3/8\n",
               "zerogate.yaml:4: listen.allow: '10.1.2.3/8' has bits behind its first 8; write "
               "10.0.0.0/8 for the range, or 10.1.2.3 for the one address"},
        Broken{
            "listen: {allow: []}",
            "zerogate.yaml:1: listen.allow: the list is empty, so no client could connect; write "
            "ranges such as 10.0.0.0/8, or off for everyone"},
        Broken{"listen: {allow: [10.0.0.0/8, 10.0.0.0/8]}",
               "zerogate.yaml:1: listen.allow: '10.0.0.0/8' stands twice; keep one"},
        Broken{"admin_token: geheim",
               "zerogate.yaml:1: admin_token: a token is 16 to 1024 visible ASCII characters "
               "without a blank; make one with openssl rand -hex 32"},
        Broken{"admin_hosts: [a b]",
               "zerogate.yaml:1: admin_hosts: 'a b' is no name of a host; write one without a "
               "port, such as zerogate.example.com, \"*.lan\", or \"*\" for any"},
        Broken{"admin_token: 0123456789abcdef\nadmin_token_file: /run/t",
               "zerogate.yaml:2: admin_token_file: admin_token is set too; keep one of them"},
        Broken{"admin_tls: {cert: /tmp/c.crt}",
               "zerogate.yaml:1: admin_tls.cert: the key of this certificate is missing; write "
               "admin_tls: {key: FILE}"},
        Broken{"admin_tls: {key: /tmp/c.key}",
               "zerogate.yaml:1: admin_tls.key: the certificate of this key is missing; write "
               "admin_tls: {cert: FILE}"},
        Broken{"redis: {tls_ca: /tmp/ca.crt}",
               "zerogate.yaml:1: redis.tls_ca: redis.url is not by rediss://; write url: "
               "rediss://host:port"},
        Broken{"redis: {url: 'rediss://h', tls_cert: /tmp/c.crt}",
               "zerogate.yaml:1: redis.tls_cert: the key of this certificate is missing; write "
               "tls_key: FILE"},
        Broken{
            "redis: {url: 'rediss://h', tls_ca: /nonexistent/ca.crt}",
            "zerogate.yaml:1: redis.tls_ca: '/nonexistent/ca.crt': cannot be read: No such file or "
            "directory; name a file in PEM"},
        Broken{"handlers:\n  - echo\n  - hello_wrld\n",
               "zerogate.yaml:3: handlers: unknown handler 'hello_wrld'; "
               "did you mean 'hello_world'?"},
        Broken{"handlers: [pay]",
               "zerogate.yaml:1: handlers: unknown handler 'pay'; known are "
               "hello_world, echo, save_order and get_order"},
        Broken{"handlers: [echo, echo]",
               "zerogate.yaml:1: handlers: 'echo' stands twice; keep one"},
        Broken{"listen: {tcp: null, zmq: null}",
               "zerogate.yaml:1: listen.zmq: listen.tcp and listen.zmq are both off, so nothing "
               "can be served; give one of them an address"},
        Broken{"listen:\n  tcp: localhost:7\n  zmq: localhost:7\n",
               "zerogate.yaml:3: listen.zmq: localhost:7 is taken by listen.tcp (localhost:7); "
               "give it another port"},
        Broken{"listen: {tcp: unix:/run/z, zmq: ipc:/run/z}",
               "zerogate.yaml:1: listen.zmq: ipc:/run/z is taken by listen.tcp (unix:/run/z); "
               "give it another path"},
        Broken{"listen: {tcp: ipc:/run/z}",
               "zerogate.yaml:1: listen.tcp: 'ipc:/run/z' is how sockets of ZeroMQ are written; "
               "write unix:/run/z"},
        Broken{"listen: {zmq: 'unix:///run/z'}",
               "zerogate.yaml:1: listen.zmq: 'unix:///run/z' is how sockets of TCP are written; "
               "write ipc:/run/z"}));

INSTANTIATE_TEST_SUITE_P(
    Kinds, BrokenConfig,
    ::testing::Values(Broken{"- threads\n",
                             "zerogate.yaml:1: the file must be a map of keys, not a list; "
                             "write keys such as 'listen:' at the left margin"},
                      Broken{"hello\n",
                             "zerogate.yaml:1: the file must be a map of keys, not a single value; "
                             "write keys such as 'listen:' at the left margin"},
                      Broken{"limits: [1]",
                             "zerogate.yaml:1: limits: a map of keys is needed, not a list; "
                             "indent message, connections, in_flight, write_buffer, "
                             "handshakes or memory below it, or leave it out"},
                      Broken{"listen: null",
                             "zerogate.yaml:1: listen: a map of keys is needed, not nothing; "
                             "indent tcp, zmq, zmq_curve, tls, mode, group or "
                             "allow below it, or leave it out"},
                      Broken{"threads: [1]",
                             "zerogate.yaml:1: threads: a single value is needed, not a list; "
                             "write it as in 1"},
                      Broken{"limits: {message: {a: 1}}",
                             "zerogate.yaml:1: limits.message: a single value is "
                             "needed, not a map; write it as in 16MiB"},
                      Broken{"threads:\n",
                             "zerogate.yaml:1: threads: a single value is needed, not nothing; "
                             "write it as in 1"},
                      Broken{"handlers: echo",
                             "zerogate.yaml:1: handlers: a list is needed, not a single value; "
                             "write it as in [hello_world, echo, save_order, get_order]"},
                      Broken{
                          "handlers: [[echo]]",
                          "zerogate.yaml:1: handlers: the items must be single values, not a list; "
                          "write it as in [hello_world, echo, save_order, get_order]"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, BrokenConfig,
    ::testing::Values(
        Broken{"threads: 1\nlisten: {tcp: a:1\n",
               "zerogate.yaml:3: not YAML: end of map flow not found; "
               "check indentation, brackets and quotes here"},
        Broken{",",
               "zerogate.yaml:1: not YAML: a comma outside brackets; "
               "check indentation, brackets and quotes here"},
        Broken{"threads: 1\n--- &a , b\n",
               "zerogate.yaml:2: not YAML: a comma outside brackets; "
               "check indentation, brackets and quotes here"},
        Broken{"admin: [::1]:9464\n",
               "zerogate.yaml:1: not YAML: end of map not found; "
               "put the address in quotes, as in \"[::1]:5559\""},
        Broken{"listen: {tcp: [::1]:5559}\n",
               "zerogate.yaml:1: not YAML: end of map flow not found; "
               "put the address in quotes, as in \"[::1]:5559\""},
        Broken{"listen:\n\ttcp: a:1\n",
               "zerogate.yaml:2: a tab in the indentation, which YAML forbids; write spaces"},
        Broken{"threads: 1\n---\nthreads: 2\n",
               "zerogate.yaml:3: a second YAML document begins; "
               "write one only, without '---' in between"},
        Broken{"threads: 1\nadmin: \xff\xfe\n",
               "zerogate.yaml:2: not UTF-8; save the file as UTF-8 text"},
        Broken{std::string("\x7f"
                           "ELF\0\1",
                           6),
               "zerogate.yaml:1: a NUL byte, so this is no text; name a YAML file in UTF-8"},
        Broken{"threads: *auto\n",
               "zerogate.yaml:1: not YAML: the referenced anchor is not defined; "
               "put a word that begins with * in quotes, as in \"*\""},
        Broken{std::string(2000, '['),
               "zerogate.yaml:1: not YAML: bad file; check indentation, "
               "brackets and quotes here"}));

}  // namespace
}  // namespace zerogate
