#include "gateway/host/tasks.h"

#include <pthread.h>

#include <vector>

namespace zerogate {

uint32_t startable_threads(uint32_t wanted) {
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&gate);  // keeps all of them alive until the last has been started
  const auto wait_at_gate = [](void* argument) -> void* {
    auto* mutex = static_cast<pthread_mutex_t*>(argument);
    pthread_mutex_lock(mutex);
    pthread_mutex_unlock(mutex);
    return nullptr;
  };
  std::vector<pthread_t> threads;
  threads.reserve(wanted);
  while (threads.size() < wanted) {
    pthread_t thread{};
    if (pthread_create(&thread, nullptr, wait_at_gate, &gate) != 0) {
      break;
    }
    threads.push_back(thread);
  }
  pthread_mutex_unlock(&gate);
  for (const pthread_t thread : threads) {
    pthread_join(thread, nullptr);
  }
  return static_cast<uint32_t>(threads.size());
}

}  // namespace zerogate
