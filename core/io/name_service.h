// The host names of the process: each is looked up once for all who need it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/io/name_lookup.h"

namespace zerogate {

/// Asks the system's resolver (getaddrinfo) on threads of its own, one for each name that is being
/// looked up. The resolver may take minutes when a name server does not answer. So neither libuv's
/// pool of 4 threads nor another name ever waits for it, and the threads are detached: the end of
/// the process does not wait either. A name is never looked up twice at a time; glibc repeats its
/// question itself and finds a name server that has come back.
///
/// getaddrinfo and no library: it reads /etc/hosts, nsswitch.conf and resolv.conf as everything
/// else on the machine does, search domains and changes of these files included. c-ares 1.18
/// (Debian 12) needs no threads, but knows no nsswitch modules (LDAP, mDNS, systemd-resolved's own)
/// and reads resolv.conf only once.
///
/// One for the process. Any thread.
class NameService {
 public:
  /// Look-ups, and so threads, at a time; more names wait. Only names whose server does not answer
  /// take longer than milliseconds, and few configurations have more names than this.
  static constexpr size_t kMaxThreads = 32;
  /// Answers that are remembered; those of names that no configuration has any more go first.
  static constexpr size_t kMaxNames = 256;
  /// Of a name with more addresses only the first ones are taken: one more than a backend uses, so
  /// that the backend sees that there are too many, and says so.
  static constexpr size_t kMaxAddresses = 65;

  using Answer = std::shared_ptr<const NameAnswer>;
  /// Called on a thread of its own; may block for as long as it likes. Must not throw.
  using Resolve = std::function<NameAnswer(const std::string& host)>;

  /// Waits for an answer. Any thread may own it.
  class Asker {
   public:
    /// On some thread, once per ask(), also before ask() returns. Must not block, nor call the
    /// service.
    virtual void on_answer(Answer answer) = 0;

   protected:
    ~Asker() = default;
  };

  /// Tests resolve otherwise.
  explicit NameService(Resolve resolve = &NameService::resolve_by_system);
  /// All askers have been told, or have forgotten. Does not wait for look-ups.
  ~NameService();
  NameService(const NameService&) = delete;
  NameService& operator=(const NameService&) = delete;

  /// Joins the look-up of this name that is under way, or starts one, unless an answer is known
  /// that is up to `max_age_ms` old. `asker` must not wait for an answer already.
  void ask(const std::string& host, uint64_t max_age_ms, Asker& asker);
  /// The asker waits for nothing any more, and hears nothing after this returns.
  void forget(Asker& asker);

  /// Asks getaddrinfo, and blocks.
  static NameAnswer resolve_by_system(const std::string& host);

 private:
  struct State;
  static void* run(void* start);

  /// Look-ups that outlive the service share it.
  std::shared_ptr<State> state_;
};

}  // namespace zerogate
