// What an input of the target `session` says, read byte by byte: every sequence of bytes is a
// program, and most changes to one leave it a similar one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace zerogate::fuzz {

/// An operation is one byte, in a readable input its letter; a byte that is no letter of these is
/// one of them, too. Operands follow: N is a number, of one byte; BYTES are a number and so many
/// bytes, or as many as are left; FRAMES are the number of frames less one, and BYTES for each.
enum class Op : char {
  // A stranger on the raw-TCP port. The first operand of each: which one.
  connect = 'c',
  send = 's',        ///< BYTES
  dribble = 'd',     ///< BYTES, that arrive one by one
  frame = 'f',       ///< BYTES: the payload of a whole frame, whose id counts up
  filler = 'l',      ///< N N: a frame's head and the beginning of it, both in units of filler
  half_close = 'h',  ///< it sends no more
  hang_up = 'x',
  reset = 'r',
  stop_reading = 'p',
  read_on = 'g',
  // The same on the ZeroMQ port.
  zmq_connect = 'z',
  zmq_send = 'm',   ///< FRAMES
  zmq_pause = 'q',  ///< it does not read, or reads again
  zmq_hang_up = 'y',
  zmq_bare = 'Z',   ///< connects, and shakes no hands
  zmq_bytes = 'b',  ///< BYTES, as they are
  // An honest client; the first operand of each: which one.
  call = 'C',  ///< N: which function
  leave = 'L',
  // A backend's server, or Redis; the first operand of each: which one.
  mode = 'M',        ///< N: see Mode
  say = 'S',         ///< N BYTES, of ZeroMQ N FRAMES: on its connection N, as they are
  answer = 'A',      ///< N BYTES: on its connection N, to what was asked first there
  disconnect = 'E',  ///< N N: on its connection N; how: see End
  // The world.
  together = '+',      ///< with what follows, before the gateway hears of either
  wait = 't',          ///< N milliseconds
  wait_long = 'T',     ///< N tenths of a second
  long_turn = 'j',     ///< N: the next callback takes so many times 10 ms
  reload = 'o',        ///< N: which change
  descriptors = 'n',   ///< N: so many more are left, or again enough
  names_change = 'N',  ///< N: of Redis' name
  drain = 'D',
};

/// Reads on behind the end as if zeros stood there.
class Program {
 public:
  explicit Program(ByteView bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  Op op();
  /// 0 to 255: a digit is its number, A to Z are 10 to 35; other bytes are themselves.
  size_t number();
  /// The same below this.
  size_t below(size_t limit) { return number() % limit; }
  ByteView bytes();
  std::vector<std::string> frames();

 private:
  uint8_t next();

  ByteView rest_;
};

}  // namespace zerogate::fuzz
