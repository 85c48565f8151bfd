#include "functions.h"

namespace notes {
using namespace zerogate;

struct Note {
  std::string title;
  std::string text;
  ZEROGATE_FIELDS(title, text)
};

Task<std::string> save_note(Note note, Context& context) {
  co_await context.redis.set("note:" + note.title, note.text);
  co_return note.title;
}

Task<std::optional<std::string>> read_note(std::string title, Context& context) {
  co_return co_await context.redis.get("note:" + title);
}

int64_t sum_list(const std::vector<int64_t>& numbers) {
  int64_t sum = 0;
  for (const int64_t number : numbers) {
    sum += number;
  }
  return sum;
}

Functions functions() {
  Functions functions;
  functions.add("save_note", "Keeps a note under its title.", &save_note)
      .add("read_note", "The text of a note, or None.", &read_note)
      .add("sum_list", "The sum of the numbers.", &sum_list);
  return functions;
}

}  // namespace notes
