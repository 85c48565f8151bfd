#include "core/sdk/contract_service.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/quote.h"
#include "core/sdk/call_failure.h"
#include "core/sdk/python_text.h"

namespace zerogate::sdk {
namespace {

std::string note_of_missing(std::string_view backend, std::string_view why) {
  return fmt::format("the functions of backend {} are missing: {}", quote(backend), quote(why));
}

}  // namespace

ContractService::ContractService(FunctionRuntime& runtime, ContractSources& sources)
    : runtime_(runtime),
      sources_(sources),
      function_(
          [this](Raw argument, Context& context) { return answer(std::move(argument), context); }),
      service_(runtime, function_, std::string(kName), 0) {}

// The backends answer, or their time is over, so the call needs no end of its own.
Task<std::string> ContractService::answer(Raw argument, Context& context) {
  const Result<ContractRequest> request = ContractRequest::read(argument.msgpack);
  if (!request) {
    throw CallFailure(Outcome::invalid, request.error());
  }
  const bool is_async = request.value().is_async();
  ClientSource source = sources_.contract()->source(is_async);
  const std::vector<std::string> backends = sources_.backends();
  std::vector<Pending<TypedCall<std::string>>> asked;
  asked.reserve(backends.size());
  for (const std::string& backend : backends) {
    asked.emplace_back(new TypedCall<std::string>(context.call_));
    runtime_.inner_calls().begin(&sources_, backend, kName, argument.msgpack,
                                 asked.back().operation(), hops_);
  }
  for (size_t i = 0; i < backends.size(); ++i) {
    try {
      const std::string code = co_await asked[i];
      add(source, backends[i], code, is_async);
    } catch (const CallFailure& failure) {
      source.notes.push_back(note_of_missing(backends[i], failure.what()));
    }
  }
  co_return source.text(request.value());
}

void ContractService::add(ClientSource& to, const std::string& backend, std::string_view code,
                          bool is_async) {
  ClientSource theirs;
  if (!theirs.parse(code)) {
    return to.notes.push_back(
        note_of_missing(backend, "its contract is none of Zero's, or too large"));
  }
  if (is_async) {
    theirs.make_async();
  }
  to.add(std::move(theirs), python_identifier(backend),
         [&](const std::string& function) { return sources_.leads_to(backend, function); });
}

}  // namespace zerogate::sdk
