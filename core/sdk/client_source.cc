#include "core/sdk/client_source.h"

#include <fmt/format.h>

#include <algorithm>
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

/// `call("name", ...)`: the name. Empty: it calls nothing.
std::string called_function(std::string_view method) {
  const size_t at = method.find(kCall);
  if (at == std::string_view::npos) {
    return "";
  }
  std::string_view rest = method.substr(at + kCall.size());
  std::string name;
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) {
      rest.remove_prefix(1);
    }
    name += rest.front();
    rest.remove_prefix(1);
  }
  return name;
}

using Names = std::map<std::string, std::string, std::less<>>;

/// Replaces the words of `names`, apart from attributes and names of functions.
std::string with_names(std::string_view text, const Names& names) {
  std::string out;
  while (!text.empty()) {
    const std::string_view word = word_at(text);
    const auto found = names.find(word);
    if (found == names.end() || out.ends_with('.') || out.ends_with(kCall)) {
      out += word;
    } else {
      out += found->second;
    }
    text.remove_prefix(word.size());
    if (!text.empty()) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
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
      const bool is_class = line.starts_with("class ");
      to_.definitions.back().name = word_at(is_class ? line.substr(6) : line);
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
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    reader.read(line);
  }
  reader.finish();
  return reader.found_client() && definitions.size() <= kMaxDefinitions;
}

const ClientSource::Definition* ClientSource::find(std::string_view name) const {
  const auto found = std::ranges::find(definitions, name, &Definition::name);
  return found == definitions.end() ? nullptr : &*found;
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
    if (find(definition.name) == nullptr) {
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
