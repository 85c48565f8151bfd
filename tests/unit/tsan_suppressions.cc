// What ThreadSanitizer cannot know about a library that was not built with it. civetweb is told to
// stop by an atomic flag, and writes its Date header with gmtime() from all its threads (civetweb
// 1.15; the header may be garbled, nothing else). Only its own calls are left out: code of ours
// that it calls back is checked as ever.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libcivetweb.so.1\n";
}
#endif
