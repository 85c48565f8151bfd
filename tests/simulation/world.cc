#include "tests/simulation/world.h"

#include <cstdio>

namespace zerogate::simulation {
namespace {

World* the_world = nullptr;

}  // namespace

World& world() { return *the_world; }
bool has_world() { return the_world != nullptr; }
void set_world(World* world) { the_world = world; }

void World::step() {
  auto first = events_.extract(events_.begin());
  move_to(first.key().first);
  ++happened_;
  first.mapped()();
}

void World::mix(std::string_view bytes) {
  for (const char byte : bytes) {
    hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  }
}

void World::note(std::string_view what, uint64_t value) {
  if (verbose) {
    std::printf("%12.6f %.*s %llu\n", static_cast<double>(now_) / kSecond,
                static_cast<int>(what.size()), what.data(), static_cast<unsigned long long>(value));
  }
  mix(what);
  hash_ = (hash_ ^ now_) * 0x100000001b3u;
  hash_ = (hash_ ^ value) * 0x100000001b3u;
}

void World::note_bytes(std::string_view what, std::string_view bytes) {
  note(what, bytes.size());
  mix(bytes);
}

}  // namespace zerogate::simulation
