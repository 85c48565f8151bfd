// The source of a Python client, in parts: what get_rpc_contract answers with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace zerogate::sdk {

/// What `python -m zero.generate_client` asks for: the argument of get_rpc_contract.
struct ContractRequest {
  std::string host;
  uint64_t port = 0;
  std::string protocol = "zmq";
  bool asynchronous = false;

  /// [host, port] up to zeroapi 0.9.0, [host, port, protocol, asynchronous] since.
  static Result<ContractRequest> read(ByteView argument);
  /// Zero has no other client for raw TCP.
  bool is_async() const { return asynchronous || protocol == "tcp"; }
};

struct ClientSource {
  /// A class, or something else at the left edge of the module.
  struct Definition {
    std::string name;  ///< empty: nothing that has one, such as a docstring
    std::string text;
  };
  struct Method {
    std::string function;  ///< as the server knows it
    std::string text;      ///< with the class's indentation
  };

  std::vector<std::string> notes;  ///< comments at its top, a line each
  std::set<std::string> imports;   ///< lines
  std::vector<Definition> definitions;
  std::vector<Method> methods;

  /// A service with 1,000 functions of its own classes has half of it. It is read at one go, in a
  /// turn of the event loop.
  static constexpr size_t kMaxBytes = 1 << 20;
  static constexpr size_t kMaxDefinitions = 2'000;

  /// Reads what a server of Zero, or another gateway, has generated. False when it is no client, or
  /// larger than the limits.
  bool parse(std::string_view text);
  /// Takes over the definitions, and the methods whose function `wanted` is true of. A definition
  /// whose name stands for something else here gets `suffix` behind its name.
  template <class Wanted>
  void add(ClientSource other, const std::string& suffix, Wanted wanted) {
    std::erase_if(other.methods, [&](const Method& method) { return !wanted(method.function); });
    if (!other.methods.empty()) {
      add_all(std::move(other), suffix);
    }
  }
  /// Servers before 1.0 generate synchronous methods, whatever was asked for.
  void make_async();

  /// The whole file.
  std::string text(const ContractRequest& request) const;

 private:
  const Definition* find(std::string_view name) const;
  void add_all(ClientSource other, const std::string& suffix);
  void rename(const std::map<std::string, std::string, std::less<>>& names);
};

}  // namespace zerogate::sdk
