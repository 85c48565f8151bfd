#include "tests/simulation/tcp_client.h"

#include <cerrno>
#include <utility>

#include "core/wire/big_endian.h"
#include "core/wire/t3.h"
#include "core/wire/zerror.h"

namespace zerogate::simulation {
namespace {

constexpr size_t kLengthBytes = wire::t3::kLengthBytes;
constexpr size_t kRidBytes = 4;
constexpr uint32_t kGarbageId = UINT32_MAX;
constexpr ByteView kData =
    "\x81\xa4"
    "data";  ///< what T1 and T2 put before a result

/// Bytes between the length and the payload.
size_t head_bytes(Wire wire) {
  switch (wire) {
    case Wire::t1:
      return 0;
    case Wire::t2:
      return kRidBytes;
    default:
      return kRidBytes + 1;
  }
}

constexpr size_t kLongBeginning = 29'000;

/// A frame that never ends, when no more than kLongBeginning of it is sent.
std::string beginning() {
  std::string frame;
  wire::t3::write_frame(frame, 1, false, std::string(30'000, 'x'));
  return frame;
}

}  // namespace

TcpClient::TcpClient(World& the_world, Network& the_network, Ledger& the_ledger,
                     std::string address, std::string gateway, Manners manners)
    : world_(the_world),
      network_(the_network),
      ledger_(the_ledger),
      address_(std::move(address)),
      gateway_(std::move(gateway)),
      manners_(std::move(manners)),
      next_id_(static_cast<uint32_t>(the_world.random.next())) {}

TcpClient::~TcpClient() { drop(); }

void TcpClient::connect() {
  drop();
  network_.connect(address_, gateway_, [this, attempt = ++attempt_](SocketPtr socket, int) {
    if (socket != nullptr && attempt != attempt_) {
      return socket->close();
    }
    if (socket != nullptr) {
      attach(std::move(socket));
    }
  });
}

void TcpClient::attach(SocketPtr socket) {
  socket->hooks = {.readable = [this] { read(); }, .writable = [this] { pump(); }};
  channel_ = std::make_shared<Channel>(std::move(socket), manners_.tls);
  connected_ = true;
  honest_ = true;
  ended_ = paused_ = dribbling_ = false;
  queued_ = 0;
  world_.note("client connected");
  read();
}

void TcpClient::drop() {
  if (channel_ != nullptr) {
    std::exchange(channel_, nullptr)->close();
  }
  ++attempt_;
  connected_ = false;
  out_.clear();
  in_.clear();
  open_.clear();
  order_.clear();
  waiting_ = 0;
}

void TcpClient::call(Function function, size_t bytes) {
  const uint32_t number = ledger_.begin(function, manners_.wire,
                                        manners_.name.empty() ? address_ : manners_.name, bytes);
  const uint32_t id = next_id_++;
  const size_t before = out_.size();
  std::string frame;
  wire::t3::write_request(frame, id, kFunctions[static_cast<size_t>(function)],
                          ledger_.at(number).argument);
  const ByteView payload = ByteView(frame).substr(wire::t3::kHeaderBytes);
  const size_t head = head_bytes(manners_.wire);
  char fields[kLengthBytes + kRidBytes];
  wire::store_be<4>(fields, head + payload.size());
  wire::store_be<4>(fields + kLengthBytes, id);
  switch (manners_.wire) {
    case Wire::t1:
      out_.append({fields, kLengthBytes}).append(payload);
      break;
    case Wire::t2:
      out_.append({fields, sizeof fields}).append(payload);
      break;
    default:
      out_.append(frame);
  }
  queued_ += out_.size() - before;
  if (manners_.wire == Wire::t1) {
    order_.push_back({number, queued_});
  } else {
    open_[id] = {number, queued_};
  }
  ++waiting_;
  dribbling_ = dribbling_ || world_.chance(manners_.dribbles_one_in);
  pump();
}

void TcpClient::pump() {
  if (channel_ == nullptr) {
    return;
  }
  channel_->flush();
  if (out_.empty()) {
    return;
  }
  if (dribbling_) {
    return dribble();
  }
  out_.write_to([this](ByteView bytes) { return channel_->write(bytes); });
}

void TcpClient::dribble() {
  const long sent = channel_->write(out_.view().substr(0, 1 + world_.random.below(3)));
  if (sent > 0) {
    out_.take(static_cast<size_t>(sent));
  }
  if (out_.empty()) {
    dribbling_ = false;
    return;
  }
  world_.in(100 * kUs, [this, attempt = attempt_] {
    if (attempt == attempt_ && channel_ != nullptr && dribbling_ && !out_.empty()) {
      dribbling_ = out_.size() < 256;  // the rest at once
      pump();
    }
  });
}

void TcpClient::read() {
  while (channel_ != nullptr && !paused_) {
    char bytes[16 << 10];
    const long got = channel_->read(bytes, sizeof bytes);
    if (got == -EAGAIN) {
      if (channel_->over_tls()) {
        pump();  // the handshake may be done
      }
      return;
    }
    if (got <= 0) {
      // One that has ended its sending gets all of its answers first.
      if (honest_ && !may_be_closed && (!ended_ || waiting_ != 0)) {
        ++ended_by_gateway;
      }
      if (got == 0 && honest_ && may_be_closed) {
        count_unanswered();
      }
      world_.note("client closed", waiting_);
      return drop();
    }
    in_.append({bytes, static_cast<size_t>(got)});
    parse();
  }
}

void TcpClient::count_unanswered() {
  const uint64_t taken = channel_->plain_of(channel_->socket().taken_before_end());
  for (const SentCall& call : order_) {
    left_unanswered += static_cast<uint64_t>(call.end <= taken);
  }
  for (const auto& [id, call] : open_) {
    left_unanswered += static_cast<uint64_t>(call.end <= taken);
  }
}

void TcpClient::parse() {
  while (parse_one()) {
    if (world_.chance(manners_.pauses_one_in)) {
      paused_ = true;
      world_.in(world_.between(kMs, 2 * kSecond), [this, attempt = attempt_] {
        if (attempt == attempt_) {
          paused_ = false;
          parse();
          read();
        }
      });
      return;
    }
  }
}

bool TcpClient::parse_one() {
  const size_t head = head_bytes(manners_.wire);
  if (in_.size() < kLengthBytes + head) {
    return false;
  }
  const size_t length = wire::load_be32(in_.view().data());
  if (length < head || length > (size_t{64} << 20)) {
    ledger_.strange_answer("the frame's length is wrong");
  }
  if (in_.size() < kLengthBytes + length) {
    return false;
  }
  const uint32_t id = head == 0 ? 0 : wire::load_be32(in_.view().data() + kLengthBytes);
  const std::string payload(in_.view().substr(kLengthBytes + head, length - head));
  in_.take(kLengthBytes + length);
  if (manners_.wire == Wire::t1) {
    if (order_.empty()) {
      ledger_.strange_answer("nothing was asked");
    }
    const uint32_t number = order_.front().number;
    order_.pop_front();
    take(number, payload);
    return true;
  }
  const auto call = open_.find(id);
  if (call == open_.end() && !honest_ && wire::is_error_body(payload)) {
    return true;  // random bytes and what was sent behind them may be a frame, with any id
  }
  if (call == open_.end()) {
    ledger_.strange_answer("its id is none of those that wait");
  }
  const uint32_t number = call->second.number;
  open_.erase(call);
  take(number, payload);
  return true;
}

void TcpClient::take(uint32_t number, ByteView payload) {
  --waiting_;
  if (manners_.wire != Wire::t3 && !wire::is_error_body(payload)) {
    if (!payload.starts_with(kData)) {
      ledger_.strange_answer("a result without its map");
    }
    payload.remove_prefix(kData.size());
  }
  ledger_.answered(number, payload);
}

void TcpClient::reset() {
  if (channel_ != nullptr) {
    world_.note("client resets");
    honest_ = false;
    const std::shared_ptr<Channel> channel = channel_;
    channel->socket().reset(world_.chance(2));
  }
}

void TcpClient::half_close() {
  if (channel_ != nullptr && out_.empty() && !ended_) {
    world_.note("client half-closes");
    ended_ = true;
    channel_->end_writing();
  }
}

void TcpClient::vanish() {
  if (channel_ != nullptr) {
    world_.note("client vanishes");
    channel_->socket().vanish();
    drop();
  }
}

void TcpClient::send_ill(const std::string& bytes) {
  world_.note("client sends garbage", bytes.size());
  honest_ = false;
  if (channel_->over_tls() && world_.chance(4)) {
    return channel_->write_raw(bytes);
  }
  out_.append(bytes);
  pump();
}

void TcpClient::send_beginning() {
  if (channel_ != nullptr) {
    send_ill(beginning().substr(0, kLongBeginning));
  }
}

void TcpClient::send_garbage() {
  if (channel_ == nullptr) {
    return;
  }
  send_ill(garbage());
  if (out_.empty() && world_.chance(3)) {
    channel_->end_writing();
  }
}

// What no client sends, or the beginning of something that never ends.
std::string TcpClient::garbage() {
  std::string frame;
  switch (world_.random.below(8)) {
    case 0:
      return "GET / HTTP/1.1\r\n\r\n";
    case 1:
      return std::string("\0\0\0", 3) + static_cast<char>(world_.random.below(6)) + "12345678";
    case 2:  // a map that is none
      wire::t3::write_frame(frame, 1, false,
                            "\x82\xa2"
                            "fn\xc1");
      return frame;
    case 3:
      wire::t3::write_request(frame, 1, "\xff\xfe", "\xc0");
      return frame;
    case 4:
      if (manners_.wire != Wire::t3) {
        return "\xff\xff";
      }
      wire::t3::write_request(frame, kGarbageId, "echo", std::string(2'000, '\x91') + "\xc0");
      return frame;
    case 5:
      return beginning().substr(
          0, world_.chance(2) ? kLongBeginning : world_.between(1, kLongBeginning));
    default:
      for (uint64_t left = world_.between(1, 40); left > 0; --left) {
        frame += static_cast<char>(world_.random.next());
      }
      return frame;
  }
}

}  // namespace zerogate::simulation
