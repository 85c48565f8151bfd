// What ThreadSanitizer has to be told of libraries that were not built with it. It is linked into
// whatever is built with -fsanitize=thread, and into nothing else.

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>

// Only the libraries' own calls are left out: code of ours that they call back is checked as ever.
//   libzmq 4.3.4 hands messages between threads by atomic pointers (its ypipe).
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libzmq.so.5\n"; }

// libuv 1.44 closes descriptors by syscall(), which ThreadSanitizer does not see: a descriptor that
// another thread gets next, under the same number, looks to it like the old one, and using it like
// a race with its past. This syscall() stands before libc's, and closes as close() does.
extern "C" long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long argument[6];
  for (long& one : argument) {
    one = va_arg(list, long);
  }
  va_end(list);
  if (number == SYS_close) {
    return close(static_cast<int>(argument[0]));
  }
  using Syscall = long (*)(long, ...);
  static const Syscall libc = reinterpret_cast<Syscall>(dlsym(RTLD_NEXT, "syscall"));
  return libc(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
