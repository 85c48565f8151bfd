// One client of a StreamListener: its bytes in, its replies out.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/event_loop.h"
#include "core/io/peer_address.h"
#include "core/io/tcp_stream.h"
#include "core/listener/client_list.h"
#include "core/listener/refusal_log.h"
#include "core/listener/stream_options.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/return_path.h"

namespace zerogate {

class StreamSession;

/// What a format makes of the bytes of a connection. One for all sessions of a listener; loop
/// thread only.
class StreamProtocol {
 public:
  /// Takes whole requests from `bytes` while the session is ready(). For each request it calls
  /// begin_call(); the answer calls end_call(). `received_ns` is when the bytes were found: see
  /// EventLoop::began_ns(). Returns what could not be used yet: the beginning of a frame, whose
  /// size it puts into `frame_size` when that is known, or whole frames when the session is not
  /// ready(). When it is not open(), the rest is of no interest.
  virtual ByteView consume(StreamSession& session, ByteView bytes, uint64_t received_ns,
                           size_t& frame_size) = 0;
  /// The peer was let in, and has sent nothing yet: the protocol may speak first.
  virtual void welcome(StreamSession&) {}

 protected:
  ~StreamProtocol() = default;
};

/// A connection's bytes, its limits and its stalls; it knows no format. An idle session owns no
/// buffer. Replies are gathered, and flush() writes them once per turn. The session stops reading
/// while its peer does not read, or while too many of its calls are under way.
///
/// Its Owner owns it, but destroys it only at the turn's end: close() ends it at once for all
/// others. Loop thread only.
class StreamSession final : private TcpStream::Owner, private ReadTurns::Waiter {
 public:
  /// Calls one connection may have under way; further requests stay unread until one is answered.
  static constexpr uint32_t kMaxCallsInFlight = 1024;
  /// A long frame has one more second for each of these bytes: the slowest link that we serve.
  static constexpr size_t kSlowestBytesPerSecond = 64 << 10;
  /// Bytes that every peer is taken to have sent: one that holds little is never slow for it.
  static constexpr size_t kLeastProgress = 512;
  /// A frame waits for memory for so many times the stall time-out.
  static constexpr uint64_t kLongestWait = 4;
  /// A peer for which more than its limit waits is a slow reader once it has read nothing for this
  /// long: replies that come together are no sign of one.
  static constexpr uint64_t kSlowReaderMs = 2'000;
  /// Bytes that finish() reads: a peer that has sent more does not wait for each answer.
  static constexpr size_t kLastBytes = 256 << 10;
  /// And how often it goes on with what was read.
  static constexpr int kLastTurns = 256;
  /// Bytes unread by one peer while memory is tight: the short replies to some hundred requests,
  /// which are written as one.
  static constexpr size_t kTightBuffer = 16 << 10;

  class Owner {
   public:
    /// The buffers have grown much in this turn. It may close the session.
    virtual void on_growth() = 0;
    /// check_stall() is due from now on.
    virtual void watch_stalls() = 0;
    /// It is about to close, and may have answered a call in this turn, which the log has yet to
    /// tell.
    virtual void remember(StreamSession& session) = 0;
    /// Its socket is about to be closed, in order: the peer may not have taken everything yet.
    virtual void linger(int fd) = 0;
    /// It has closed, and is not used any more.
    virtual void forget(StreamSession& session) = 0;

   protected:
    ~Owner() = default;
  };

  /// What the sessions of one listener share. Outlives them.
  struct Shared {
    EventLoop& loop;
    const Clock& clock;  ///< of stalls
    StreamProtocol& protocol;
    RefusalLog& refusals;
    const StreamOptions options;
    const size_t unsent_limit;  ///< bytes; a session with more is closed when its peer is slow
    char* const read_buffer;    ///< FrameReader::kSharedBytes; used during one read only
    ReadTurns turns;
    std::optional<ListenerTls> tls{};
    MemoryAccount& memory;
    /// Bytes unread by one peer before we stop reading from it: options.write_buffer, or no more
    /// than kTightBuffer while memory is tight.
    size_t write_buffer = options.write_buffer;
    // Over all sessions:
    std::vector<CallerKey> dirty{};  ///< whose flush() is due at the turn's end
    TcpStream::Totals in{};
    size_t gathered = 0;      ///< bytes of replies since the last flush
    size_t grown = SIZE_MAX;  ///< with more than this in `gathered` and `in`, on_growth() is due
    size_t held = 0;          ///< memory of replies that the kernel has not taken as a whole
    uint32_t waiting = 0;     ///< sessions whose peer has to read before more can be written
    uint64_t sent = 0;        ///< bytes that the kernel has taken
    bool draining = false;    ///< each session leaves once nothing of it is under way
  };

  StreamSession(Shared& shared, Owner& owner, CallerKey key);
  StreamSession(const StreamSession&) = delete;
  StreamSession& operator=(const StreamSession&) = delete;

  /// Takes an accepted connection, in any case. False: its peer has reset it already, so that
  /// nothing is known of who it was; close() is due.
  bool adopt(UniqueFd connection) { return stream_.adopt(std::move(connection)) && begin(); }

  // For the protocol.

  /// True while the next request may be taken.
  bool ready() const { return open() && !blocked(); }
  /// False once the session takes no more requests.
  bool open() const { return open_; }
  void begin_call() { ++in_flight_; }
  /// Of each call, what the operator is told of its caller.
  void note_call(Wire wire, FunctionLabel function) { activity_.note(wire, function); }
  /// With StreamOptions::greeting_ms: the peer has made itself known.
  void greeted() { greeting_since_ms_ = 0; }
  /// Append here what answers no call.
  OutBuffer& speak() {
    mark_dirty();
    return stream_.out();
  }
  /// Requests that are short or wrong cost more than their bytes: the rest of what was read waits
  /// until others have had a turn.
  void yield();
  /// Calls that may be under way from now on.
  void limit_calls(uint32_t most) { max_in_flight_ = most; }
  /// These bytes are no request: it is counted. The session reads no more, and closes once every
  /// call under way is answered and written.
  void malformed(Malformed reason);
  /// A call's answer is there, of `bytes` and a frame's head: append it to what this returns, at
  /// once. Null when the peer lets too much wait; then the session is closed.
  OutBuffer* end_call(size_t bytes) {
    assert(in_flight_ > 0);
    --in_flight_;
    if (unsent_bytes() + bytes > shared_.unsent_limit && reads_slowly()) {
      reject(Rejected::slow_reader);
      return nullptr;
    }
    shared_.gathered += bytes;
    mark_dirty();
    return &stream_.out();
  }

  // For the listener.

  /// Writes what was queued; goes on with reading when that was waiting for it.
  void flush();
  /// Ends the session in good order when nothing of it is under way: the peer reads the end of the
  /// stream, and what it still sends is thrown away until it closes, so that no reset overtakes a
  /// reply.
  void leave_if_idle();
  /// The same, also in the middle of a request. No call may be under way.
  void leave();
  /// Reads no more until finish().
  void pause();
  /// Takes what its peer has sent so far, up to kLastBytes. Each call of it is to be answered at
  /// once; flush() and close() are due.
  void finish();
  /// Ends the session now. Its calls under way lose their way back; no callback follows.
  void close();
  void reject(Rejected reason);
  /// Ends the session once its calls under way are answered, unless its peer's certificate passes
  /// the listener's context, which has changed since.
  void check_certificate();

  CallerKey key() const { return key_; }
  ClientActivity& activity() { return activity_; }
  uint32_t in_flight() const { return in_flight_; }
  /// See PeerAddress. "gone" when it had none from the beginning.
  std::string peer() const { return peer_ ? peer_->text() : "gone"; }
  /// Null until adopt() has succeeded.
  const std::optional<PeerAddress>& address() const { return peer_; }
  /// Worked out when it is first asked for. See ReplySink.
  const Caller& caller();
  int fd() const { return stream_.fd(); }
  /// Of TLS only: its handshake is under way, or waits for the peer.
  bool shakes_hands() const { return shaking_since_ms_ != 0; }
  bool awaits_handshake() const;
  size_t received_bytes() const { return stream_.reader().memory(); }
  size_t unsent_bytes() const { return stream_.writer().unsent(); }
  size_t held_bytes() const { return stream_.writer().held(); }
  /// Of received_bytes(), what waits for the peer to send more.
  size_t unfinished_bytes() const { return reading_ ? received_bytes() : 0; }
  /// Of received_bytes(), what the memory account has not granted.
  size_t unclaimed_bytes() const { return stream_.holds_claim() ? 0 : received_bytes(); }
  /// Which part of what it holds for its peer, with all that it has claimed, the peer has sent or
  /// read in the second before the last stall check. See kSlowPace.
  double pace() const;
  /// pace() can be blamed on the peer, which has had time.
  bool is_judged(uint64_t now_ms) const;
  /// Since when a frame is unfinished, or hardly read is what waits for the peer; 0 when neither.
  uint64_t waits_since_ms() const;
  /// Since when what it has received stands: it waits for the rest of a frame, or for the answers
  /// to calls before it. 0 when neither.
  uint64_t stands_since_ms() const { return stands_since_ms_; }
  /// Since when the peer has read nothing of what waits for it, 0 when nothing waits.
  uint64_t unread_since_ms() const { return unread_since_ms_; }
  /// Ends the session when its peer has stalled: a frame not finished, or replies not read. True
  /// when the session still has something that can stall.
  bool check_stall(uint64_t now_ms);

 private:
  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_writable() override;
  void on_closed(int error) override;
  void take_turn() override;

  bool begin();
  void refuse(TlsResult result, std::string_view why);
  void stop_reading();
  bool blocked() const {
    return in_flight_ >= max_in_flight_ || unsent_bytes() > shared_.write_buffer || held_up_ != 0;
  }
  /// Since when a frame waits for its rest, 0 when none does.
  uint64_t partial_since_ms() const { return behind_calls_ ? 0 : stands_since_ms_; }
  [[gnu::cold]] bool reads_slowly() const;
  /// Of the unfinished frame: false when the session has ended for it.
  bool check_frame(uint64_t now_ms);
  /// Ends a session that waits for memory when it has waited too long, or its peer has gone.
  bool waits_in_vain(uint64_t now_ms);
  void measure_progress();
  /// While others wait for memory: whether a peer that holds some in replies hardly reads.
  bool holds_up_others(uint64_t now_ms) const;
  void consume(ByteView bytes, uint64_t received_ns);
  /// Of these bytes the protocol has left `rest`.
  void keep(ByteView bytes, ByteView rest, size_t frame_size);
  /// Goes on with what was read and then kept, and with reading.
  void resume();
  /// The same, in a turn that has done something for it already.
  void go_on();
  /// It waits for no turn any more.
  void leave_turns();
  void mark_dirty() {
    if (!dirty_) {
      flush_later();
    }
  }
  void flush_later();
  /// Brings the totals up to date with what is buffered for the peer; due once per turn.
  void account_sent();
  void close_after_flush();
  void end();

  Shared& shared_;
  Owner& owner_;
  const CallerKey key_;
  uint32_t in_flight_ = 0;
  uint32_t max_in_flight_ = kMaxCallsInFlight;
  ClientActivity activity_;
  std::optional<PeerAddress> peer_;
  std::unique_ptr<const Caller> caller_;  ///< null until it was asked for
  bool dirty_ = false;                    ///< waits in the owner's list of this turn
  bool reading_ = false;
  bool open_ = true;
  bool leaving_ = false;  ///< waits for the peer to close
  static constexpr uint8_t kPaused = 1;
  static constexpr uint8_t kYielding = 2;
  uint8_t held_up_ = 0;        ///< why it takes no request now, of these
  bool behind_calls_ = false;  ///< what stands is blocked(), no frame without its rest
  bool closed_ = false;
  bool thrown_away_ = false;        ///< the peer does not get what it has not taken
  bool waited_for_memory_ = false;  ///< at the last stall check
  bool waiting_ = false;            ///< this session's part of Shared::waiting
  size_t held_ = 0;                 ///< and of Shared::held
  uint64_t written_ = 0;            ///< and of Shared::sent
  TcpStream stream_;
  uint64_t stands_since_ms_ = 0;
  uint64_t unread_since_ms_ = 0;
  uint64_t reads_slowly_since_ms_ = 0;  ///< while something is unread
  uint64_t shaking_since_ms_ = 0;       ///< TLS: when the handshake that is not done was begun
  uint64_t greeting_since_ms_ = 0;      ///< until greeted()
  size_t queued_at_check_ = 0;  ///< libuv's write queue at the last stall check: did it shrink?
  size_t kept_at_check_ = 0;    ///< and what there was of an unfinished frame
  size_t progress_ = 0;         ///< bytes sent or read in the second before it
};

}  // namespace zerogate
