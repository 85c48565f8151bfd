// The way an answer takes back to its caller.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/slot_map.h"
#include "core/wire/protocol.h"

namespace zerogate {

/// The bytes by which a client matches reply and request, exactly as it sent them.
class RequestId {
 public:
  static constexpr size_t kMaxBytes = 32;  ///< W3 and W4 have the longest ids

  RequestId() = default;
  explicit RequestId(ByteView bytes) : size_(static_cast<uint8_t>(bytes.size())) {
    assert(bytes.size() <= kMaxBytes);
    bytes.copy(bytes_.data(), bytes.size());  // W1 has no id: memcpy takes no null pointer
  }
  ByteView view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kMaxBytes> bytes_;
  uint8_t size_ = 0;
};

/// A connection or peer of a ReplySink.
using CallerKey = SlotKey;

class ReplySink;

/// Who calls, as limits and the log know it.
struct Caller {
  std::string name;     ///< of its key or certificate; else its host: see IpAddress::host()
  bool proven = false;  ///< the name is that of a key or certificate
};

/// A caller among those of all sinks.
struct CallerId {
  const ReplySink* sink = nullptr;
  CallerKey key;
  bool operator==(const CallerId&) const = default;
};

struct ReturnPath {
  ReplySink* sink = nullptr;  ///< outlives every call that came through it
  CallerKey caller;
  Wire wire = Wire::t3;
  RequestId id;
};

/// What is known of an answer's body: whether it is an error's (wire::is_error_body).
enum class BodyKind : uint8_t {
  any,  ///< it has to be looked at
  result,
  error,
};

/// What became of an answer.
enum class Delivery : uint8_t {
  queued,     ///< it is on its way
  gone,       ///< the caller has gone, or does not read
  no_memory,  ///< too much waits for all who do not read: the caller was told so instead
};

/// A listener as the calls see it: takes answers and brings them to their callers.
class ReplySink {
 public:
  /// Queues an answer: one MessagePack value, copied. It never calls back into calls or services.
  /// Loop thread only.
  virtual Delivery deliver(const ReturnPath& path, ByteView body, BodyKind kind) = 0;

  /// True when it is certain that the caller has gone. libzmq's ROUTER cannot know.
  virtual bool gone(CallerKey) const { return false; }

  /// The caller's address as the log shows it: "10.0.0.7:40312", or what there is of it. "gone"
  /// when the caller is not known any more.
  virtual std::string peer(CallerKey caller) const = 0;

  /// Who that is. Made once for each connection or peer; valid until the next turn.
  virtual const Caller& caller(CallerKey) const {
    static const Caller kNobody;
    return kNobody;
  }

 protected:
  ~ReplySink() = default;
};

}  // namespace zerogate
