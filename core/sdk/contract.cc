#include "core/sdk/contract.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "core/sdk/python_text.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate::sdk {
namespace {

/// What the file needs for itself: no class of a function may take these names.
constexpr std::array<std::string_view, 31> kTaken = {
    "Any",      "AsyncTCPClient", "AsyncZeroClient",
    "Optional", "RpcClient",      "Union",
    "builtins", "ZeroClient",     "bool",
    "bytes",    "dataclass",      "date",
    "datetime", "decimal",        "dict",
    "enum",     "field",          "float",
    "int",      "list",           "msg",
    "msgspec",  "result",         "set",
    "str",      "time",           "tuple",
    "uuid",     "zero_client",    "property",
    "object"};

constexpr std::array<std::string_view, 9> kBuiltinTypes = {"bool", "bytes", "dict", "float", "int",
                                                           "list", "set",   "str",  "tuple"};

/// Calls that Enum has for itself.
constexpr std::array<std::string_view, 3> kTakenByEnum = {"mro", "name", "value"};

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

std::string unique(std::string name, const std::set<std::string>& taken) {
  while (taken.contains(name)) {
    name += '_';
  }
  return name;
}

/// Writes the definitions and notes what they need imported.
class Module {
 public:
  explicit Module(const std::vector<ClassInfo>& classes) {
    std::set<std::string> taken;
    for (const ClassInfo& info : classes) {
      std::string name = python_identifier(info.name);
      name += contains(kTaken, name) ? "_" : "";
      name = unique(std::move(name), taken);
      taken.insert(name);
      names_.emplace(info.name, std::move(name));
    }
    for (const ClassInfo& info : classes) {
      if (info.kind == ClassInfo::Kind::structure) {
        write_struct(info);
      } else {
        write_enum(info);
      }
      written_.emplace(info.name, &info);
    }
  }

  /// `hidden`: names that mean something else where the type stands, in a class that has members
  /// called so. They get another name in front of the class.
  std::string type(const PythonType& type, const std::set<std::string>& hidden = {}) {
    return type.text([&](const std::string& name) { return name_of(name, hidden); });
  }

  /// What MessagePack is decoded to without being told a type.
  static bool is_builtin(const PythonType& type) {
    constexpr std::array<std::string_view, 10> kBuiltin = {"|",    "Any",   "None", "bool", "bytes",
                                                           "dict", "float", "int",  "list", "str"};
    return contains(kBuiltin, type.name) && std::ranges::all_of(type.parameters, is_builtin);
  }
  /// The expression that makes a `type` of such a value.
  std::string converted(const std::string& value, const std::string& type,
                        const std::set<std::string>& hidden = {}) {
    modules_.insert("msgspec");
    return fmt::format("{}.convert({}, {})", visible("msgspec", hidden), value, type);
  }

  std::set<std::string> imports() const {
    std::set<std::string> lines;
    for (const auto& [module, names] : from_) {
      lines.insert(fmt::format("from {} import {}", module, fmt::join(names, ", ")));
    }
    for (const std::string& module : modules_) {
      lines.insert("import " + module);
    }
    return lines;
  }
  const std::vector<ClientSource::Definition>& definitions() const { return definitions_; }

 private:
  using Hidden = std::set<std::string>;

  std::string name_of(const std::string& name, const Hidden& hidden) {
    if (const auto known = names_.find(name); known != names_.end()) {
      // Of a class further down there is no other name yet.
      return written_.contains(name) ? visible(known->second, hidden) : known->second;
    }
    if (name == "Optional" || name == "Union" || name == "Any") {
      from_["typing"].insert(name);
      return visible(name, hidden);
    }
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      return visible(name, hidden);
    }
    if (name.starts_with("datetime.")) {  // as Zero spells it
      from_["datetime"].insert(name.substr(dot + 1));
      return visible(name.substr(dot + 1), hidden);
    }
    modules_.insert(name.substr(0, dot));
    return visible(name.substr(0, dot), hidden) + name.substr(dot);
  }

  std::string visible(const std::string& name, const Hidden& hidden) {
    if (!hidden.contains(name)) {
      return name;
    }
    if (contains(kBuiltinTypes, name)) {  // mypy knows no other name of tuple
      modules_.insert("builtins");
      return visible("builtins", hidden) + '.' + name;
    }
    if (std::ranges::find(definitions_, '_' + name, &ClientSource::Definition::name) ==
        definitions_.end()) {
      definitions_.push_back({'_' + name, fmt::format("_{0} = {0}", name)});
    }
    return '_' + name;
  }

  void write_enum(const ClassInfo& info) {
    modules_.insert("enum");
    const bool is_int = info.kind == ClassInfo::Kind::int_enum;
    std::string text =
        fmt::format("class {}(enum.{}):", names_.at(info.name), is_int ? "IntEnum" : "Enum");
    for (const ClassInfo::Member& member : info.members) {
      text += fmt::format("\n    {} = {}", enumerator(member), python_value(member.msgpack));
    }
    definitions_.push_back({names_.at(info.name), std::move(text)});
  }
  static std::string enumerator(const ClassInfo::Member& member) {
    const std::string name = python_identifier(member.name);
    return contains(kTakenByEnum, name) ? name + '_' : name;
  }

  // A field that Python has no name for is renamed, which only a msgspec.Struct can.
  void write_struct(const ClassInfo& info) {
    Hidden hidden;
    std::vector<std::string> names;
    std::string renamed;
    for (const ClassInfo::Member& member : info.members) {
      names.push_back(unique(python_identifier(member.name), hidden));
      hidden.insert(names.back());
      if (names.back() != member.name) {
        renamed += fmt::format("{}{}: {}", renamed.empty() ? "" : ", ", python_str(names.back()),
                               python_str(member.name));
      }
    }
    std::string text;
    if (renamed.empty()) {
      from_["dataclasses"].insert("dataclass");
      text = fmt::format("@dataclass\nclass {}:", names_.at(info.name));
    } else {
      modules_.insert("msgspec");
      text = fmt::format("class {}(msgspec.Struct, rename={{{}}}):", names_.at(info.name), renamed);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      text += "\n    " + names[i] + ": " + field(info.members[i], hidden, !renamed.empty());
    }
    text += names.empty() ? "\n    pass" : "";
    definitions_.push_back({names_.at(info.name), std::move(text)});
  }

  std::string field(const ClassInfo::Member& member, const Hidden& hidden, bool of_msgspec) {
    const PythonType parsed = PythonType::parse(member.type);
    std::string text = type(parsed, hidden);
    text = is_written(parsed) ? text : python_str(text);
    if (!member.has_default) {
      return text;
    }
    const auto [value, is_factory] = default_of(member, parsed, hidden);
    if (!is_factory) {
      return text + " = " + value;
    }
    if (!of_msgspec) {
      from_["dataclasses"].insert("field");
    }
    const std::string function =
        of_msgspec ? visible("msgspec", hidden) + ".field" : visible("field", hidden);
    return fmt::format("{} = {}(default_factory={})", text, function, value);
  }

  /// An expression, or what makes the value anew for each object.
  std::pair<std::string, bool> default_of(const ClassInfo::Member& member, const PythonType& parsed,
                                          const Hidden& hidden) {
    const wire::Type kind = wire::Reader(member.msgpack).next_type();
    const PythonType& inner = parsed.without_none();
    const bool is_container = kind == wire::Type::array || kind == wire::Type::map;
    const auto known = written_.find(inner.name);
    if (kind == wire::Type::nil) {
      return {"None", false};
    }
    const bool is_empty = is_container && member.msgpack.size() == 1;
    if (is_empty && (inner.name == "list" || inner.name == "dict" || inner.name == "set")) {
      return {visible(inner.name, hidden), true};
    }
    if (known != written_.end() && known->second->kind != ClassInfo::Kind::structure) {
      for (const ClassInfo::Member& one : known->second->members) {
        if (one.msgpack == member.msgpack) {
          return {name_of(inner.name, hidden) + '.' + enumerator(one), false};
        }
      }
    }
    std::string value = python_value(member.msgpack);
    if (!is_builtin(parsed)) {
      value = converted(value, type(parsed, hidden), hidden);
    }
    return {is_container ? "lambda: " + value : value, is_container};
  }

  /// False for a type that names a class further down.
  bool is_written(const PythonType& type) const {
    return (!names_.contains(type.name) || written_.contains(type.name)) &&
           std::ranges::all_of(type.parameters, [this](const auto& t) { return is_written(t); });
  }

  std::map<std::string, std::string> names_;  ///< of classes, C++'s and Python's
  std::map<std::string, const ClassInfo*> written_;
  std::map<std::string, std::set<std::string>> from_;
  std::set<std::string> modules_;
  std::vector<ClientSource::Definition> definitions_;
};

std::string method_text(const Contract::Function& function, const std::string& name, Module& module,
                        const std::set<std::string>& hidden, bool is_async) {
  const bool has_argument = !function.types.argument.empty();
  const PythonType argument = PythonType::parse(function.types.argument);
  const PythonType result = PythonType::parse(function.types.result);
  std::string text = fmt::format("    {}def {}(self", is_async ? "async " : "", name);
  text += has_argument ? ", msg: " + module.type(argument, hidden) : "";
  text += fmt::format(") -> {}:\n", module.type(result, hidden));
  if (!function.doc.empty()) {
    text += fmt::format("        {}\n", python_docstring(function.doc, 8));
  }
  const std::string type = module.type(result);
  const bool is_any = type == "Any";
  const bool is_none = type == "None";
  std::string call = fmt::format("{}self._zero_client.call({}, {})", is_async ? "await " : "",
                                 python_str(function.name), has_argument ? "msg" : "None");
  if (is_any || is_none) {
    return text + fmt::format("        {}{}", is_any ? "return " : "", call);
  }
  // No `return_type`: over ZeroMQ Zero's client would read an error's body as one, too, and tell
  // that instead of the error.
  if (!Module::is_builtin(result)) {
    call = module.converted(call, type);
  }
  return text + fmt::format("        result: {} = {}\n        return result", type, call);
}

}  // namespace

Contract::Contract(const std::vector<Function>& functions) {
  std::vector<ClassInfo> classes;
  std::vector<std::string> names;
  std::set<std::string> hidden = {"__init__", "_zero_client"};
  for (const Function& function : functions) {
    for (const ClassInfo& info : function.types.classes) {
      if (!has_class(classes, info.name)) {
        classes.push_back(info);
      }
    }
    names.push_back(unique(python_identifier(function.name), hidden));
    hidden.insert(names.back());
  }
  Module module(classes);
  for (size_t i = 0; i < functions.size(); ++i) {
    const auto add = [&](ClientSource& to, bool is_async) {
      to.methods.push_back({std::string(functions[i].name),
                            method_text(functions[i], names[i], module, hidden, is_async)});
    };
    add(sync_, false);
    add(async_, true);
  }
  sync_.definitions = module.definitions();
  sync_.imports = module.imports();
  async_.definitions = sync_.definitions;
  async_.imports = sync_.imports;
}

}  // namespace zerogate::sdk
