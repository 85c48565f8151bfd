// The system's calls that the gateway makes by itself. The linker sends them here (--wrap); what is
// none of the simulation's goes on to the real one.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "core/io/name_service.h"
#include "core/listener/listen_socket.h"
#include "tests/simulation/descriptors.h"
#include "tests/simulation/names.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::simulation {
namespace {

Descriptors* the_descriptors = nullptr;
Names* the_names = nullptr;
thread_local bool keeps_real_clock = false;

}  // namespace

Descriptors& descriptors() { return *the_descriptors; }
void set_descriptors(Descriptors* descriptors) { the_descriptors = descriptors; }
Names& names() { return *the_names; }
void set_names(Names* names) { the_names = names; }
void keep_real_clock() { keeps_real_clock = true; }

/// libuv, libzmq and libraries that a program brings along may ask between two worlds, too.
bool uses_real_clock() { return keeps_real_clock || !has_world(); }

int Descriptors::open(Entry entry) {
  if (open_ >= limit) {
    return -EMFILE;
  }
  const auto place = std::ranges::find_if(entries_, [](const Entry& e) { return !e.open; });
  const auto index = static_cast<int>(place - entries_.begin());
  entry.open = true;
  ++open_;
  if (place == entries_.end()) {
    entries_.push_back(std::move(entry));
  } else {
    *place = std::move(entry);
  }
  return kFirst + index;
}

Descriptors::Entry* Descriptors::find(int fd) {
  const auto index = static_cast<size_t>(fd - kFirst);
  return is_ours(fd) && index < entries_.size() && entries_[index].open ? &entries_[index]
                                                                        : nullptr;
}

void Descriptors::close(int fd) {
  Entry* entry = find(fd);
  if (entry == nullptr) {
    violated("a descriptor was closed twice");
  }
  if (entry->socket != nullptr) {
    entry->socket->close();
  }
  const Entry old = std::exchange(*entry, {});
  --open_;
  if (old.listening != nullptr && std::ranges::none_of(entries_, [&](const Entry& e) {
        return e.listening == old.listening;
      })) {
    network().stop_listening(old.address);
  }
}

}  // namespace zerogate::simulation

namespace sim = zerogate::simulation;

namespace {

/// The kernel's struct tcp_info has more at its end than glibc's: these are its places in Linux.
int tell_tcp_info(const sim::ZmqLink& link, void* to, size_t size) {
  constexpr size_t kAcked = 120;
  constexpr size_t kReceived = 128;
  constexpr size_t kSent = 200;
  constexpr size_t kWindow = 228;
  std::memset(to, 0, size);
  const auto put = [&](size_t at, auto value) {
    if (at + sizeof value <= size) {
      std::memcpy(static_cast<char*>(to) + at, &value, sizeof value);
    }
  };
  put(kAcked, link.written);
  put(kReceived, link.received);
  put(kSent, link.written);
  put(kWindow, uint32_t{link.paused() ? 0U : 65'535U});
  return 0;
}

}  // namespace

extern "C" {

int __real_accept4(int, sockaddr*, socklen_t*, int);
ssize_t __real_send(int, const void*, size_t, int);
ssize_t __real_recv(int, void*, size_t, int);
int __real_close(int);
int __real_setsockopt(int, int, int, const void*, socklen_t);
int __real_getsockopt(int, int, int, void*, socklen_t*);
int __real_getpeername(int, sockaddr*, socklen_t*);
int __real_shutdown(int, int);
int __real_fstat64(int, struct stat*);
int __real_getrlimit64(int, rlimit*);
int __real_fcntl64(int, int, ...);
ssize_t __real_getrandom(void*, size_t, unsigned);
int __real_clock_gettime(clockid_t, timespec*);

int __wrap_accept4(int fd, sockaddr* name, socklen_t* size, int flags) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_accept4(fd, name, size, flags);
  }
  auto& backlog = sim::descriptors().find(fd)->listening->backlog;
  if (backlog.empty()) {
    errno = EAGAIN;
    return -1;
  }
  const int accepted =
      sim::descriptors().open({.socket = backlog.front(), .listening = nullptr, .address = {}});
  if (accepted < 0) {
    errno = -accepted;
    return -1;
  }
  backlog.front()->count_accepted();
  backlog.pop_front();
  return accepted;
}

ssize_t __wrap_send(int fd, const void* data, size_t size, int flags) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_send(fd, data, size, flags);
  }
  const auto* entry = sim::descriptors().find(fd);
  const long sent = entry == nullptr || entry->socket == nullptr
                        ? -EBADF
                        : entry->socket->write({static_cast<const char*>(data), size});
  if (sent < 0) {
    const bool other_word = sent == -EAGAIN && fd % 2 == 0;  // the kernel has two for "not now"
    errno = other_word ? ENOBUFS : static_cast<int>(-sent);
    return -1;
  }
  return sent;
}

ssize_t __wrap_recv(int fd, void* to, size_t size, int flags) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_recv(fd, to, size, flags);
  }
  const auto* entry = sim::descriptors().find(fd);
  const long got = entry == nullptr || entry->socket == nullptr
                       ? -EBADF
                       : entry->socket->read(static_cast<char*>(to), size);
  if (got < 0) {
    errno = static_cast<int>(-got);
    return -1;
  }
  return got;
}

int __wrap_close(int fd) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_close(fd);
  }
  sim::descriptors().close(fd);
  return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_setsockopt(fd, level, option, value, size);
  }
  auto* entry = sim::descriptors().find(fd);
  if (entry == nullptr) {
    errno = EBADF;
    return -1;
  }
  int number = 0;
  std::memcpy(&number, value, std::min<size_t>(size, sizeof number));
  if (entry->socket != nullptr && level == IPPROTO_TCP && option == TCP_USER_TIMEOUT) {
    entry->socket->set_user_timeout(static_cast<uint32_t>(number));
  }
  if (entry->socket != nullptr && level == IPPROTO_TCP && option == TCP_KEEPIDLE) {
    entry->socket->set_idle(static_cast<uint32_t>(number));
  }
  if (entry->listening != nullptr && option == SO_ATTACH_FILTER) {
    entry->listening->holds_newcomers = true;
  }
  if (entry->listening != nullptr && option == SO_DETACH_FILTER) {
    entry->listening->holds_newcomers = false;
  }
  return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_getsockopt(fd, level, option, value, size);
  }
  const auto* entry = sim::descriptors().find(fd);
  if (level == IPPROTO_TCP && option == TCP_INFO && entry != nullptr && entry->link != nullptr) {
    return tell_tcp_info(*entry->link, value, *size);
  }
  const int domain = AF_INET;
  std::memcpy(value, &domain, sizeof domain);
  return 0;
}

// Sockets are told apart by their inode; libzmq's alone are asked for it.
int __wrap_fstat64(int fd, struct stat* status) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_fstat64(fd, status);
  }
  const auto* entry = sim::descriptors().find(fd);
  if (entry == nullptr || entry->link == nullptr) {
    errno = EBADF;
    return -1;
  }
  *status = {};
  status->st_mode = S_IFSOCK;
  std::memcpy(&status->st_ino, entry->link->identity.data() + 1, sizeof(uint32_t));
  return 0;
}

int __wrap_getpeername(int fd, sockaddr* name, socklen_t* size) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_getpeername(fd, name, size);
  }
  const auto* entry = sim::descriptors().find(fd);
  if (entry == nullptr || entry->socket == nullptr || entry->socket->broken()) {
    errno = ENOTCONN;
    return -1;
  }
  const std::string& peer = entry->socket->peer_address;
  const size_t colon = peer.rfind(':');
  *size = sizeof(sockaddr_in);
  return uv_ip4_addr(peer.substr(0, colon).c_str(), std::stoi(peer.substr(colon + 1)),
                     reinterpret_cast<sockaddr_in*>(name));
}

int __wrap_shutdown(int fd, int how) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_shutdown(fd, how);
  }
  if (const auto* entry = sim::descriptors().find(fd);
      entry != nullptr && entry->socket != nullptr) {
    entry->socket->end_writing();
  } else if (entry != nullptr && entry->link != nullptr) {
    entry->link->shut_down();
  }
  return 0;
}

int __wrap_getrlimit64(int resource, rlimit* limit) {
  const int status = __real_getrlimit64(resource, limit);
  if (resource == RLIMIT_NOFILE && sim::has_world()) {
    limit->rlim_cur = sim::Descriptors::kFirst + sim::descriptors().limit;
  }
  return status;
}

// F_DUPFD_CLOEXEC is all that is asked for of ours; elsewhere an int is the longest argument.
int __wrap_fcntl64(int fd, int command, int argument) {
  if (!sim::Descriptors::is_ours(fd)) {
    return __real_fcntl64(fd, command, argument);
  }
  auto* entry = sim::descriptors().find(fd);
  if (entry == nullptr) {
    errno = EBADF;
    return -1;
  }
  return sim::descriptors().open(*entry);
}

ssize_t __wrap_getrandom(void* to, size_t size, unsigned flags) {
  if (!sim::has_world()) {
    return __real_getrandom(to, size, flags);
  }
  auto* bytes = static_cast<char*>(to);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(sim::world().random.next());
  }
  return static_cast<ssize_t>(size);
}

int __wrap_clock_gettime(clockid_t clock, timespec* now) {
  if (sim::uses_real_clock()) {
    return __real_clock_gettime(clock, now);
  }
  constexpr time_t kSomeDay = 1'700'000'000;
  now->tv_sec = kSomeDay + static_cast<time_t>(sim::world().now() / sim::kSecond);
  now->tv_nsec = static_cast<long>(sim::world().now() % sim::kSecond);
  return 0;
}

}  // extern "C"

// In place of core/listener/listen_socket.cc: there is nothing to bind.
namespace zerogate {

Result<ListenSocket> ListenSocket::open(const Address& address, bool) {
  const auto listening = simulation::network().listen(address.display());
  listening->is_gateway = true;
  UniqueFd fd(simulation::descriptors().open(
      {.socket = nullptr, .listening = listening, .address = address.display()}));
  return ListenSocket(std::move(fd), address, std::nullopt);
}

ListenSocket::~ListenSocket() = default;

void ListenSocket::hold_newcomers() {
  simulation::descriptors().find(fd_.get())->listening->holds_newcomers = true;
}

int ListenSocket::duplicate() const {
  return simulation::descriptors().open(*simulation::descriptors().find(fd_.get()));
}

// In place of core/io/name_service.cc: without its threads, and with a name server that the seed
// breaks.
struct NameService::State {};

NameService::NameService(Resolve) {}
NameService::~NameService() = default;
void NameService::ask(const std::string& host, uint64_t, Asker& asker) {
  simulation::names().ask(host, asker);
}
void NameService::forget(Asker& asker) { simulation::names().forget(asker); }
NameAnswer NameService::resolve_by_system(const std::string&) { return {}; }

}  // namespace zerogate
