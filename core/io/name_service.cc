#include "core/io/name_service.h"

#include <fmt/format.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace zerogate {
namespace {

/// Modules of nsswitch run on it. Memory is taken for what is used of it only.
constexpr size_t kStackBytes = 1 << 20;

uint64_t steady_now_ms() {
  using namespace std::chrono;
  return static_cast<uint64_t>(
      duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

std::vector<std::string> numeric_addresses(const addrinfo* found) {
  std::vector<std::string> addresses;
  for (const addrinfo* info = found;
       info != nullptr && addresses.size() < NameService::kMaxAddresses; info = info->ai_next) {
    char text[NI_MAXHOST];
    // getnameinfo and not inet_ntop, for it keeps the scope of a link-local IPv6 address.
    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) == 0 &&
        std::ranges::find(addresses, text) == addresses.end()) {
      addresses.emplace_back(text);
    }
  }
  return addresses;
}

NameAnswer no_such_name() {
  return {NameAnswer::Kind::no_such_name, {}, "the name does not exist or has no address"};
}

NameAnswer failed(std::string why) { return {NameAnswer::Kind::failed, {}, std::move(why)}; }

}  // namespace

struct NameService::State {
  struct Name {
    Answer answer;  ///< the last one; null: none yet
    uint64_t answered_ms = 0;
    bool under_way = false;  ///< or waits for a thread
    std::vector<Asker*> askers;
  };
  struct Start {
    std::shared_ptr<State> state;
    std::string host;
  };

  explicit State(Resolve how) : resolve(std::move(how)) {}

  // All of these with the mutex held.
  void begin(const std::shared_ptr<State>& self, const std::string& host);
  void answer(const std::string& host, NameAnswer found);
  void drop_old_names();

  const Resolve resolve;
  std::mutex mutex;
  std::map<std::string, Name> names;
  std::deque<std::string> waiting;  ///< for a thread
  size_t threads = 0;
};

NameService::NameService(Resolve resolve) : state_(std::make_shared<State>(std::move(resolve))) {}
NameService::~NameService() = default;

void NameService::ask(const std::string& host, uint64_t max_age_ms, Asker& asker) {
  const std::lock_guard lock(state_->mutex);
  state_->drop_old_names();
  State::Name& name = state_->names[host];
  if (!name.under_way && name.answer != nullptr &&
      steady_now_ms() - name.answered_ms < max_age_ms) {
    return asker.on_answer(name.answer);
  }
  name.askers.push_back(&asker);
  if (!std::exchange(name.under_way, true)) {
    state_->begin(state_, host);
  }
}

void NameService::forget(Asker& asker) {
  const std::lock_guard lock(state_->mutex);
  for (auto& [host, name] : state_->names) {
    std::erase(name.askers, &asker);
  }
}

void NameService::State::begin(const std::shared_ptr<State>& self, const std::string& host) {
  if (threads == kMaxThreads) {
    waiting.push_back(host);
    return;
  }
  auto start = std::make_unique<Start>(Start{self, host});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, &NameService::run, start.get());
  pthread_attr_destroy(&attributes);
  if (error == 0) {
    (void)start.release();
    ++threads;
  } else if (threads != 0) {
    waiting.push_back(host);  // a thread that ends takes it
  } else {
    answer(host, failed(fmt::format("no thread to look the name up: {}", std::strerror(error))));
  }
}

void NameService::State::answer(const std::string& host, NameAnswer found) {
  Name& name = names[host];
  name.answer = std::make_shared<const NameAnswer>(std::move(found));
  name.answered_ms = steady_now_ms();
  name.under_way = false;
  for (Asker* asker : std::exchange(name.askers, {})) {
    asker->on_answer(name.answer);
  }
}

void NameService::State::drop_old_names() {
  if (names.size() < kMaxNames) {
    return;
  }
  std::erase_if(names, [](const auto& entry) { return !entry.second.under_way; });
}

// A thread goes on with the names that wait for one.
void* NameService::run(void* argument) {
  pthread_setname_np(pthread_self(), "name look-up");
  const std::unique_ptr<State::Start> start(static_cast<State::Start*>(argument));
  State& state = *start->state;
  for (;;) {
    NameAnswer found = state.resolve(start->host);
    const std::lock_guard lock(state.mutex);
    state.answer(start->host, std::move(found));
    if (state.waiting.empty()) {
      --state.threads;
      return nullptr;
    }
    start->host = std::move(state.waiting.front());
    state.waiting.pop_front();
  }
}

NameAnswer NameService::resolve_by_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const bool ascii = std::ranges::all_of(host, [](char c) { return (c & 0x80) == 0; });
  hints.ai_flags = ascii ? 0 : AI_IDN;
  addrinfo* raw = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  const int system_error = errno;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(raw, &freeaddrinfo);
  switch (status) {
    case 0:
      break;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return no_such_name();
    case EAI_AGAIN:
      return failed("the name server does not answer, or has failed");
    case EAI_SYSTEM:
      return failed(std::strerror(system_error));
    default:
      return failed(gai_strerror(status));
  }
  std::vector<std::string> addresses = numeric_addresses(found.get());
  return addresses.empty() ? no_such_name()
                           : NameAnswer{NameAnswer::Kind::found, std::move(addresses), {}};
}

}  // namespace zerogate
