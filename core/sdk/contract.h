// Contracts: the source of a Python client for the functions that are served here, which
// `python -m zero.generate_client` asks for. Structs are dataclasses in it, enumerations Enums.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/sdk/classes.h"
#include "core/sdk/client_source.h"
#include "core/sdk/type_name.h"

namespace zerogate {

/// The types of a function, as Python spells them: `list[Order]`, `int | None`.
struct FunctionContract {
  std::string argument = "Any";  ///< empty: it takes none
  std::string result = "Any";
  std::vector<ClassInfo> classes;  ///< that the two are made of, first those that others use
};

namespace sdk {

/// `Argument` void: none.
template <class Argument, class Result>
FunctionContract contract_of() {
  FunctionContract contract;
  contract.argument = std::is_void_v<Argument> ? "" : type_name<Argument>();
  contract.result = type_name<Result>();
  if constexpr (!std::is_void_v<Argument>) {
    add_classes<Argument>(contract.classes);
  }
  if constexpr (!std::is_void_v<Result>) {
    add_classes<Result>(contract.classes);
  }
  return contract;
}

/// Made once, when a gateway starts or its handlers change; then it may be read by any thread.
class Contract {
 public:
  struct Function {
    std::string_view name;
    std::string_view doc;
    const FunctionContract& types;
  };

  explicit Contract(const std::vector<Function>& functions);

  const ClientSource& source(bool is_async) const { return is_async ? async_ : sync_; }

 private:
  ClientSource sync_;
  ClientSource async_;
};

}  // namespace sdk
}  // namespace zerogate
