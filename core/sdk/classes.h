// The structs and enumerations that a type is made of, for contracts: clients that are generated
// have a dataclass or an Enum for each.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/sdk/encode.h"
#include "core/sdk/type_name.h"

namespace zerogate {

struct ClassInfo {
  enum class Kind { structure, str_enum, int_enum };
  struct Member {
    std::string name;
    std::string type;          ///< Python's spelling; empty for an enumerator
    bool has_default = false;  ///< of a struct's field
    std::string msgpack;       ///< the default, or the enumerator's value
  };

  std::string name;
  Kind kind;
  std::vector<Member> members;
};

namespace sdk {

/// Adds the classes of T to `classes` that are not there yet.
template <class T>
struct Classes {
  static void add(std::vector<ClassInfo>&) {}
};

template <class... Parts>
void add_classes_of(std::vector<ClassInfo>& classes) {
  (Classes<Parts>::add(classes), ...);
}

inline bool has_class(const std::vector<ClassInfo>& classes, std::string_view name) {
  return std::any_of(classes.begin(), classes.end(),
                     [name](const ClassInfo& known) { return known.name == name; });
}

/// Containers: the classes of what is in them. Their further parameters have none.
template <template <class...> class Container, class... Parts>
requires(!HasFields<Container<Parts...>>) struct Classes<Container<Parts...>> {
  static void add(std::vector<ClassInfo>& classes) { add_classes_of<Parts...>(classes); }
};
template <class T, size_t kSize>
struct Classes<std::array<T, kSize>> : Classes<T> {};

template <class T>
requires StrEnum<T> || IntEnum<T>
struct Classes<T> {
  static void add(std::vector<ClassInfo>& classes) {
    ClassInfo info{
        Codec<T>::name(), StrEnum<T> ? ClassInfo::Kind::str_enum : ClassInfo::Kind::int_enum, {}};
    if (has_class(classes, info.name)) {
      return;
    }
    for (const auto& enumerator : Codec<T>::kAll) {
      ClassInfo::Member& member = info.members.emplace_back();
      member.name = enumerator.name;
      encode(enumerator.value, member.msgpack);
    }
    classes.push_back(std::move(info));
  }
};

template <HasFields T>
struct Classes<T> {
  static void add(std::vector<ClassInfo>& classes) {
    const std::string name = Codec<T>::name();
    if (has_class(classes, name)) {
      return;
    }
    // It has its place while its fields are looked at, for a struct may be part of itself.
    classes.push_back({name, ClassInfo::Kind::structure, {}});
    std::vector<ClassInfo::Member> members;
    const T defaults{};
    std::apply([&](const auto&... fields) { (add_field(classes, members, fields, defaults), ...); },
               Fields<T>::kAll);
    const auto self = std::find_if(classes.begin(), classes.end(),
                                   [&](const ClassInfo& info) { return info.name == name; });
    self->members = std::move(members);
    std::rotate(self, self + 1, classes.end());  // behind those that it uses
  }

 private:
  template <class Value>
  static void add_field(std::vector<ClassInfo>& classes, std::vector<ClassInfo::Member>& members,
                        const Field<T, Value>& field, const T& defaults) {
    ClassInfo::Member& member = members.emplace_back();
    member.name = field.name;
    member.type = type_name<Value>();
    member.has_default = members.size() > Fields<T>::kRequired;
    if (member.has_default) {
      encode(defaults.*(field.member), member.msgpack);
    }
    Classes<Value>::add(classes);
  }
};

}  // namespace sdk

/// Adds the structs and enumerations that T is made of, each once, those that are used before those
/// that use them. Two of one name are taken for the same: names of classes are for all functions of
/// a gateway. Pure; any thread.
template <class T>
void add_classes(std::vector<ClassInfo>& classes) {
  sdk::Classes<T>::add(classes);
}

}  // namespace zerogate
