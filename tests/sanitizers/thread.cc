// What ThreadSanitizer has to be told of libraries that were not built with it. It is linked into
// whatever is built with -fsanitize=thread, and into nothing else.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstring>

// Only the libraries' own calls are left out: code of ours that they call back is checked as ever.
//   libzmq 4.3.4 hands messages between threads by atomic pointers (its ypipe). A string of its own
//   may be made by the std::string that this program exports, and then looks like one of ours: the
//   memory that it takes, never what is written to it, is left out as well. libsodium decrypts for
//   it.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libzmq.so.5\n"
         "called_from_lib:libsodium.so\n"
         "race:std::__cxx11::basic_string*::_M_create\n";
}

// A second signal ends the process at once, with the threads that it has. A suppression needs the
// stack of the older access, so a longer history than usual is kept.
extern "C" const char* __tsan_default_options() {
  return "report_thread_leaks=0:atexit_sleep_ms=0:history_size=4";
}

// A descriptor that another thread gets next, under the same number, looks to ThreadSanitizer like
// the old one unless it saw that one closed, and using it like a race with its past. Two libraries
// close out of its sight: libzmq, whose calls are left out, and libuv 1.44, which closes by
// syscall(). The functions below stand before libc's and close where it is seen.
extern "C" int __interceptor_close(int descriptor);  // ThreadSanitizer's own

namespace {

/// Stands for the way inside libzmq from zmq_close() to the thread that closes the descriptors.
char closing_in_libzmq;

bool is_of_libzmq(const void* code) {
  Dl_info place;
  return dladdr(code, &place) != 0 && std::strstr(place.dli_fname, "libzmq") != nullptr;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Weak: the simulation has a libzmq of its own.
extern "C" [[gnu::weak]] int zmq_close(void* socket) {
  static const auto libzmq = next<int (*)(void*)>("zmq_close");
  __tsan_release(&closing_in_libzmq);
  return libzmq(socket);
}

extern "C" int close(int descriptor) {
  if (is_of_libzmq(__builtin_return_address(0))) {
    __tsan_acquire(&closing_in_libzmq);
  }
  return __interceptor_close(descriptor);
}

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
  static const auto libc = next<long (*)(long, ...)>("syscall");
  return libc(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

// PeerSocket asks for descriptors that libzmq may be closing, and knows that (peer_socket.h). A
// suppression would not do: it looks for a place in the older access's stack, which may be lost.
// The build asks for large files, as its libraries want it: fstat is called fstat64.
extern "C" int fstat64(int descriptor, struct stat64* status) noexcept {
  return static_cast<int>(syscall(SYS_fstat, descriptor, status));
}
