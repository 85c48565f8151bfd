// What the tests of StreamListener and StreamSession share: sessions on socket pairs, a format of
// lines, and a clock that the test sets.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/listener/stream_listener.h"
#include "core/log/log.h"
#include "core/testing/manual_clock.h"

namespace zerogate::testing {

/// The client's end of a connection. Never blocks.
class Peer {
 public:
  Peer() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
      std::abort();
    }
    own_.reset(ends[0]);
    other_.reset(ends[1]);
  }
  /// The server's end, once.
  UniqueFd take_other() { return std::move(other_); }

  void send(ByteView bytes) {
    ASSERT_EQ(::send(own_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Bytes that the kernel has taken.
  size_t send_some(ByteView bytes) {
    const ssize_t size = ::send(own_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return size < 0 ? 0 : static_cast<size_t>(size);
  }
  void finish_sending() { shutdown(own_.get(), SHUT_WR); }
  void leave() { own_.reset(); }
  /// Up to `most` bytes that have come.
  std::string receive(size_t most = SIZE_MAX) {
    std::string all;
    char bytes[4096];
    while (all.size() < most) {
      const ssize_t size = recv(own_.get(), bytes, std::min(sizeof bytes, most - all.size()), 0);
      if (size <= 0) {
        ended_ = size == 0 || errno != EAGAIN;
        break;
      }
      all.append(bytes, static_cast<size_t>(size));
    }
    return all;
  }
  /// After receive(): the server has closed.
  bool ended() const { return ended_; }

 private:
  UniqueFd own_, other_;
  bool ended_ = false;
};

/// A request is a line. "#N\n" announces a frame of N more bytes, which is one request, too.
class LineProtocol final : public StreamProtocol {
 public:
  struct Line {
    CallerKey caller;
    std::string text;
  };

  ByteView consume(StreamSession& session, ByteView bytes, uint64_t, size_t& frame_size) override {
    while (!bytes.empty() && session.ready()) {
      const size_t end = bytes.find('\n');
      if (end == ByteView::npos) {
        break;
      }
      size_t size = end + 1;
      if (bytes.front() == '#') {
        size += std::strtoul(bytes.data() + 1, nullptr, 10);
        if (bytes.size() < size) {
          frame_size = size;
          break;
        }
      }
      if (bytes.front() == '?') {
        session.malformed(Malformed::other_protocol);
        break;
      }
      if (bytes.front() == '1') {
        session.limit_calls(1);
      }
      session.begin_call();
      lines.push_back({session.key(), std::string(bytes.substr(0, end))});
      bytes.remove_prefix(size);
    }
    return bytes;
  }

  std::vector<Line> lines;  ///< requests, in the order in which they came
};

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    signal(SIGPIPE, SIG_IGN);
    log::set_level(log::Level::off);
    options_.max_message = 4 << 10;
    options_.write_buffer = 64 << 10;
  }
  ~StreamTest() override { listener_.reset(); }

  void make_listener() {
    listener_ = std::make_unique<StreamListener>(loop_, timers_, lines_, metrics_, options_);
  }
  /// A connection that has been accepted.
  std::unique_ptr<Peer> connect() {
    if (listener_ == nullptr) {
      make_listener();
    }
    auto peer = std::make_unique<Peer>();
    listener_->adopt(peer->take_other());
    turn();
    return peer;
  }
  /// What has come is read, and what was gathered is written.
  void turn() { loop_.run_turn(); }
  /// Writes an answer, and takes what was read and waited for that in the turn after it.
  void answer_is_out() {
    turn();
    turn();
  }
  /// Lets the time pass, with everything that is due in it.
  void wait_ms(uint64_t ms) {
    const uint64_t end = clock_.now_ms() + ms;
    while (timers_.next_ms() <= end) {
      clock_.advance_ms(timers_.next_ms() - std::min(clock_.now_ms(), timers_.next_ms()));
      timers_.run_due();
      turn();
    }
    clock_.advance_ms(end - clock_.now_ms());
  }
  /// Answers one of the calls. False when it was not taken.
  bool answer(const LineProtocol::Line& line, ByteView text) {
    StreamSession* session = listener_->find(line.caller);
    OutBuffer* out = session != nullptr ? session->end_call(text.size()) : nullptr;
    if (out == nullptr) {
      return false;
    }
    out->append(text);
    return true;
  }
  /// The next call in the order in which they came.
  LineProtocol::Line next() {
    if (taken_ == lines_.lines.size()) {
      ADD_FAILURE() << "no call is there";
      return {};
    }
    return lines_.lines[taken_++];
  }
  size_t waiting() const { return lines_.lines.size() - taken_; }
  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const auto& line : lines_.lines) {
      texts.push_back(line.text);
    }
    return texts;
  }
  uint64_t rejected(Rejected reason) const { return metrics_.rejected[index_of(reason)].value(); }
  uint64_t malformed(Malformed reason) const {
    return metrics_.malformed[index_of(reason)].value();
  }
  uint64_t all_malformed() const {
    uint64_t sum = 0;
    for (const Counter& reason : metrics_.malformed) {
      sum += reason.value();
    }
    return sum;
  }
  bool open(Peer& peer) {
    turn();
    received_ += peer.receive();
    return !peer.ended();
  }
  /// Everything that a peer is sent, read as fast as it comes.
  std::string receive_all(Peer& peer) {
    std::string all;
    for (std::string more = "x"; !more.empty();) {
      turn();
      more = peer.receive();
      all += more;
    }
    return all;
  }

  EventLoop loop_;
  ManualClock clock_;
  TimerQueue timers_{clock_};
  StreamOptions options_;
  ListenerMetrics metrics_;
  LineProtocol lines_;
  std::unique_ptr<StreamListener> listener_;
  size_t taken_ = 0;
  std::string received_;  ///< by open()
};

}  // namespace zerogate::testing
