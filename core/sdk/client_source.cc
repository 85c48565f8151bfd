#include "core/sdk/client_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "core/sdk/decode.h"
#include "core/sdk/python_text.h"

namespace zerogate::sdk {
namespace {

constexpr std::string_view kClientClass = "class RpcClient";
constexpr std::string_view kCall = ".call(\"";
/// Begins a comment that the next gateway keeps.
constexpr std::string_view kNote = "# Note: ";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view word_at(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && is_word(text[end])) {
    ++end;
  }
  return text.substr(0, end);
}

/// Takes `.call("name"` off the text and returns the name; nothing when it begins otherwise.
std::optional<std::string> take_call(std::string_view& text) {
  if (!text.starts_with(kCall)) {
    return std::nullopt;
  }
  text.remove_prefix(kCall.size());
  std::string name;
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) {
      text.remove_prefix(1);
    }
    name += text.front();
    text.remove_prefix(1);
  }
  return name;
}

/// `call("name", ...)`: the name. Empty: it calls nothing.
std::string called_function(std::string_view method) {
  method.remove_prefix(std::min(method.find(kCall), method.size()));
  return take_call(method).value_or("");
}

using Names = std::map<std::string, std::string, std::less<>>;

/// Replaces the words of `names`, apart from attributes and names of functions.
std::string with_names(std::string_view text, const Names& names) {
  std::string out;
  while (!text.empty()) {
    std::string_view rest = text;
    if (!take_call(rest)) {
      const std::string_view word = word_at(text);
      rest.remove_prefix(std::max<size_t>(word.size(), 1));
      const auto found = word.empty() || out.ends_with('.') ? names.end() : names.find(word);
      if (found != names.end()) {
        out += found->second;
        text = rest;
        continue;
      }
    }
    out += text.substr(0, text.size() - rest.size());
    text = rest;
  }
  return out;
}

/// What a line at the left edge defines; empty when it is no name that others could use.
std::string defined_name(std::string_view line) {
  for (const std::string_view word : {"async ", "def ", "class "}) {
    line.remove_prefix(line.starts_with(word) ? word.size() : 0);
  }
  std::string name(word_at(line));
  return python_identifier(name) == name ? name : "";
}

void trim_end(std::string& text) { text.erase(text.find_last_not_of('\n') + 1); }

/// Takes the file apart line by line: all that Zero generates at the left edge begins something.
class SourceReader {
 public:
  explicit SourceReader(ClientSource& to) : to_(to) {}

  bool found_client() const { return in_client_; }

  void read(std::string_view line) {
    if (in_client_) {
      return read_client(line);
    }
    if (line.starts_with(kClientClass)) {
      in_client_ = true;
    } else if (line.empty() || line.front() == ' ' || line.front() == '\t' || line.front() == ')' ||
               line.front() == ']' || line.front() == '}') {
      append_to_definition(line);
    } else if (line.starts_with("import ") || line.starts_with("from ")) {
      close_definition();
      if (!line.starts_with("from zero") && !line.starts_with("import zero")) {
        to_.imports.emplace(line);
      }
    } else if (line.front() == '#') {
      close_definition();
      if (line.starts_with(kNote)) {
        to_.notes.emplace_back(line.substr(kNote.size()));
      }
    } else if (line.starts_with("zero_client =")) {
      close_definition();
    } else {
      begin_definition(line);
    }
  }

  void finish() {
    for (ClientSource::Definition& definition : to_.definitions) {
      trim_end(definition.text);
    }
    for (ClientSource::Method& method : to_.methods) {
      trim_end(method.text);
      method.function = called_function(method.text);
    }
    std::erase_if(to_.methods, [](const auto& method) { return method.function.empty(); });
  }

 private:
  void read_client(std::string_view line) {
    if (line.starts_with("    def ") || line.starts_with("    async def ")) {
      to_.methods.emplace_back();
    }
    if (!to_.methods.empty()) {
      to_.methods.back().text.append(line) += '\n';
    }
  }
  // A decorator begins what stands below it.
  void begin_definition(std::string_view line) {
    if (!decorated_) {
      to_.definitions.emplace_back();
    }
    open_ = true;
    decorated_ = line.starts_with('@');
    if (!decorated_) {
      to_.definitions.back().name = defined_name(line);
    }
    append_to_definition(line);
  }
  void append_to_definition(std::string_view line) {
    if (open_) {
      to_.definitions.back().text.append(line) += '\n';
    }
  }
  void close_definition() { open_ = decorated_ = false; }

  ClientSource& to_;
  bool in_client_ = false;
  bool open_ = false;
  bool decorated_ = false;
};

}  // namespace

Result<ContractRequest> ContractRequest::read(ByteView argument) {
  ContractRequest request;
  if (auto two = decode<std::tuple<std::string, uint64_t>>(argument)) {
    std::tie(request.host, request.port) = std::move(two).value();
    return request;
  }
  auto four = decode<std::tuple<std::string, uint64_t, std::string, bool>>(argument);
  if (!four) {
    return Error{four.error()};
  }
  std::tie(request.host, request.port, request.protocol, request.asynchronous) =
      std::move(four).value();
  if (request.protocol != "zmq" && request.protocol != "tcp") {
    return Error{"Unsupported protocol: " + request.protocol};
  }
  return request;
}

bool ClientSource::parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return false;
  }
  SourceReader reader(*this);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find_last_not_of('\r') + 1);
    reader.read(line);
  }
  reader.finish();
  return reader.found_client() && definitions.size() <= kMaxDefinitions;
}

const ClientSource::Definition* ClientSource::find(std::string_view name) const {
  const auto found = std::ranges::find(definitions, name, &Definition::name);
  return found == definitions.end() || name.empty() ? nullptr : &*found;
}

void ClientSource::rename(const std::map<std::string, std::string, std::less<>>& names) {
  for (Definition& definition : definitions) {
    definition.name = with_names(definition.name, names);
    definition.text = with_names(definition.text, names);
  }
  for (Method& method : methods) {
    method.text = with_names(method.text, names);
  }
}

void ClientSource::add_all(ClientSource other, const std::string& suffix) {
  Names taken;
  for (const Definition& definition : other.definitions) {
    const Definition* const known = find(definition.name);
    if (known == nullptr || known->text == definition.text) {
      continue;
    }
    std::string free = definition.name + '_' + suffix;
    while (find(free) != nullptr || other.find(free) != nullptr) {
      free += '_';
    }
    taken.emplace(definition.name, std::move(free));
  }
  if (!taken.empty()) {
    other.rename(taken);
  }
  for (Definition& definition : other.definitions) {
    const bool known = definition.name.empty()
                           ? std::ranges::find(definitions, definition.text, &Definition::text) !=
                                 definitions.end()
                           : find(definition.name) != nullptr;
    if (!known) {
      definitions.push_back(std::move(definition));
    }
  }
  imports.merge(other.imports);
  std::ranges::move(other.notes, std::back_inserter(notes));
  std::ranges::move(other.methods, std::back_inserter(methods));
}

void ClientSource::make_async() {
  for (Method& method : methods) {
    if (method.text.starts_with("    async ")) {
      continue;
    }
    method.text.insert(4, "async ");
    const size_t call = method.text.find("self._zero_client.call(");
    if (call != std::string::npos) {
      method.text.insert(call, "await ");
    }
  }
}

std::string ClientSource::text(const ContractRequest& request) const {
  const bool is_tcp = request.protocol == "tcp";
  const std::string_view client = request.is_async() ? "AsyncZeroClient" : "ZeroClient";
  std::string out = "# Generated by Zerogate\n";
  out += "# import types as per needed, modify as per your project structure\n";
  for (const std::string& note : notes) {
    out += fmt::format("{}{}\n", kNote, note);
  }
  out += '\n';
  for (const std::string& line : imports) {
    out += line + '\n';
  }
  // zeroapi has no types that mypy would read.
  out +=
      fmt::format("{}from zero import {}  # type: ignore\n", imports.empty() ? "" : "\n", client);
  if (is_tcp) {
    out += "from zero.protocols.tcp import AsyncTCPClient  # type: ignore\n";
  }
  out += fmt::format("\n\nzero_client = {}({}, {}{})\n", client, python_str(request.host),
                     request.port, is_tcp ? ", protocol=AsyncTCPClient" : "");
  for (const Definition& definition : definitions) {
    out += "\n\n" + definition.text + '\n';
  }
  out += fmt::format("\n\n{}:\n    def __init__(self, zero_client: {}):\n", kClientClass, client);
  out += "        self._zero_client = zero_client\n";
  for (const Method& method : methods) {
    out += '\n' + method.text + '\n';
  }
  return out;
}

}  // namespace zerogate::sdk
