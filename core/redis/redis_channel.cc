#include "core/redis/redis_channel.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <cassert>
#include <cctype>
#include <charconv>
#include <initializer_list>

#include "core/base/address.h"
#include "core/base/byte_writer.h"
#include "core/redis/reply_kind.h"

namespace zerogate {
namespace {

using ReplyStatus = RedisReply::Status;

constexpr std::string_view kClusterText = "redis is a cluster, which is not supported";
constexpr uint64_t kNsPerMs = 1'000'000;

/// "Connection refused" as it reads in the middle of a line; "WRONGPASS ..." stays.
std::string lower_first(std::string_view text) {
  std::string out(text);
  if (out.size() > 1 && std::islower(static_cast<unsigned char>(out[1]))) {
    out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
  }
  return out;
}

/// Who writes this key is nobody: the nil UUID is no order's.
constexpr ByteView kNoOrder = "00000000-0000-0000-0000-000000000000";

/// Decimal digits of `number`.
size_t digits_of(size_t number) {
  size_t digits = 1;
  for (; number >= 10; number /= 10) {
    ++digits;
  }
  return digits;
}

void put_header(ByteWriter& to, char type, size_t number) {
  to.put(type);
  char* const end = to.at() + digits_of(number);
  std::to_chars(to.at(), end, number);
  to = ByteWriter(end);
  to.put("\r\n");
}

}  // namespace

void format_redis_command(const ByteView* arguments, size_t count, std::string& out) {
  constexpr size_t kAround = 3;  // a type and a line's end
  size_t size = kAround + digits_of(count);
  for (size_t i = 0; i < count; ++i) {
    size += kAround + digits_of(arguments[i].size()) + arguments[i].size() + 2;
  }
  out.resize(size);
  ByteWriter to(out.data());
  put_header(to, '*', count);
  for (size_t i = 0; i < count; ++i) {
    put_header(to, '$', arguments[i].size());
    to.put(arguments[i]).put("\r\n");
  }
  assert(to.at() == out.data() + size);
}

RedisChannel::RedisChannel(uv_loop_t* loop, Owner& owner, RedisMetrics& metrics,
                           const RedisOptions& options)
    : loop_(loop),
      owner_(owner),
      metrics_(metrics),
      options_(options),
      timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)),
      lookup_(loop, [this](DnsLookup::Addresses addresses) { on_addresses(std::move(addresses)); }),
      backoff_(options.backoff_min_ms, options.backoff_max_ms,
               uv_hrtime() ^ reinterpret_cast<uintptr_t>(this)) {}

RedisChannel::~RedisChannel() {
  assert(answering_ == 0);
  assert(pending_.empty());
}

void RedisChannel::start() { attempt(); }

void RedisChannel::close() {
  state_ = State::closed;
  uv_timer_stop(timer_.get());
  connection_.reset();
}

/// One deadline covers looking the name up, connecting and the handshake.
void RedisChannel::attempt() {
  state_ = State::resolving;
  uv_update_time(loop_);  // before the loop first runs its clock may be far behind
  start_timer(options_.timeout_ms);
  endpoint_ = options_.url.display();
  if (!options_.url.path.empty() || another_address()) {
    return connect();
  }
  if (DnsLookup::is_address(options_.url.host)) {
    addresses_ = {options_.url.host};
    next_address_ = 0;
    return connect();
  }
  if (lookup_.running()) {
    return;  // of an attempt that gave up on it; we take its answer
  }
  if (const auto started = lookup_.start(options_.url.host); !started) {
    fail(started.error());
  }
}

void RedisChannel::on_addresses(DnsLookup::Addresses addresses) {
  const bool wanted = state_ == State::resolving;
  if (!addresses) {
    if (wanted) {
      fail(addresses.error());
    }
    return;
  }
  addresses_ = std::move(addresses).value();
  next_address_ = 0;
  if (wanted) {
    connect();
  }
}

/// Goes through the addresses that are left until one can be connected to, without a wait between
/// them: behind "localhost" there often are two, one of which nobody listens on.
void RedisChannel::connect() {
  for (;;) {
    state_ = State::connecting;
    auto opened = open_next();
    if (opened.ok()) {
      connection_ = std::move(opened).value();
      return send_handshake();
    }
    if (!another_address()) {
      return fail(opened.error());
    }
  }
}

Result<RedisConnectionPtr> RedisChannel::open_next() {
  const RedisUrl& url = options_.url;
  if (!url.path.empty()) {
    return RedisConnection::open_unix(loop_, *this, url.path);
  }
  const std::string& address = addresses_[next_address_++];
  if (address != url.host) {
    endpoint_ = fmt::format("{} at {}", url.display(), address);
  }
  return RedisConnection::open_tcp(loop_, *this, address, url.port);
}

/// All of it leaves in one write once the socket is connected.
void RedisChannel::send_handshake() {
  const RedisUrl& url = options_.url;
  std::string formatted;
  const auto send = [&](std::initializer_list<ByteView> arguments) {
    format_redis_command(arguments.begin(), arguments.size(), formatted);
    connection_->send(formatted);
    ++handshake_left_;
  };
  handshake_left_ = 0;
  ponged_ = false;
  if (!url.user.empty()) {
    send({"AUTH", url.user, url.password});
  } else if (!url.password.empty()) {
    send({"AUTH", url.password});  // the form that Redis before 6 knows, too
  }
  if (url.database != 0) {
    send({"SELECT", std::to_string(url.database)});
  }
  logins_left_ = handshake_left_;
  send({"PING"});
  if (refused_) {
    // Changes nothing, for there is no such key. A replica or a cluster that is down answers PING.
    send({"SET", kNoOrder, "", "XX"});
  }
}

void RedisChannel::on_connected() { state_ = State::handshaking; }

void RedisChannel::on_handshake_reply(const redisReply& reply) {
  if (connection_->connected_to_itself()) {
    return fail("connected to itself");
  }
  const std::string_view text = reply.str ? std::string_view(reply.str, reply.len) : "";
  const bool pinged = logins_left_ == 0 && !ponged_;
  if (reply.type == REDIS_REPLY_ERROR) {
    // Who has answered so is a Redis that works, for a user who need not know these commands.
    const bool forbidden = logins_left_ == 0 && begins_with(reply, "NOPERM ");
    // WRONGPASS, NOAUTH, LOADING, "max number of clients reached", ...: later it may be better.
    // That another node has the key is no refusal.
    if (!forbidden && (pinged || logins_left_ > 0 || !is_elsewhere(reply))) {
      return fail(text);
    }
  } else if (logins_left_ > 0 || pinged) {
    const std::string_view right = pinged ? "PONG" : "OK";
    if (reply.type != REDIS_REPLY_STATUS || text != right) {
      return fail(fmt::format("no Redis: it answered something else than {}", right));
    }
  }
  ponged_ = pinged || ponged_;
  logins_left_ -= logins_left_ > 0 ? 1 : 0;
  if (--handshake_left_ > 0) {
    return;
  }
  state_ = State::up;
  tried_ = true;
  refused_ = false;
  backoff_.reset();
  uv_timer_stop(timer_.get());
  owner_.on_link_change();
}

void RedisChannel::on_broken(std::string_view reason) {
  if (state_ == State::connecting && another_address()) {
    connection_.reset();
    return connect();
  }
  fail(reason);
}

/// Answers nobody yet: this may run inside the end of the turn, when those who write the answers
/// have done their part of it. The timer answers, in the loop's next turn.
void RedisChannel::fail(std::string_view reason, ReplyStatus status) {
  failure_ = fmt::format("{} ({})", lower_first(reason), endpoint_);
  // A restarted container has another address. After a failed attempt the next one goes on with
  // the addresses that are left.
  if (state_ == State::up) {
    addresses_.clear(), next_address_ = 0;
  }
  connection_.reset();
  state_ = State::broken;
  tried_ = true;
  broken_status_ = status;
  start_timer(0);
  owner_.on_link_change();
}

void RedisChannel::wait_and_retry() {
  state_ = State::waiting;
  start_timer(backoff_.next_ms());
  if (pending_.empty()) {
    return;
  }
  answer_all(broken_status_, broken_status_ == ReplyStatus::timeout
                                 ? fmt::format("redis timed out after {} ms", options_.timeout_ms)
                                 : fmt::format("redis unavailable: {}", failure_));
}

void RedisChannel::command(const std::string& formatted, RedisRequest& request) {
  assert(up());
  connection_->send(formatted);
  pending_.push_back({&request, now_ns()});
  if (!uv_is_active(reinterpret_cast<uv_handle_t*>(timer_.get()))) {
    start_timer(options_.timeout_ms);
  }
}

void RedisChannel::end_of_turn() {
  clock_ns_ = 0;
  if (up()) {
    connection_->flush();
  }
}

void RedisChannel::on_redis_reply(const redisReply& reply) {
  if (state_ != State::up) {
    return on_handshake_reply(reply);
  }
  if (is_refusal(reply)) {
    refused_ = true;  // the next connection has to prove more than a PONG
    return fail({reply.str, reply.len});
  }
  ++replies_;
  if (is_elsewhere(reply)) {
    return answer_cluster();
  }
  answer(pending_.pop_front(), to_reply(reply));
}

/// Without the reply's text: the addresses of inner nodes are not the callers' business.
void RedisChannel::answer_cluster() {
  owner_.on_cluster();
  RedisReply reply;
  reply.status = ReplyStatus::error;
  reply.text = kClusterText;
  answer(pending_.pop_front(), reply);
}

void RedisChannel::answer_all(ReplyStatus status, std::string_view text) {
  clock_ns_ = 0;
  // Moved out of the way, for a continuation may lead to anything but our end.
  RingBuffer<Pending> pending = std::exchange(pending_, {});
  RedisReply reply;
  reply.status = status;
  reply.text = text;
  while (!pending.empty()) {
    answer(pending.pop_front(), reply);
  }
}

void RedisChannel::answer(const Pending& pending, const RedisReply& reply) {
  switch (reply.status) {
    case ReplyStatus::ok:
      metrics_.ok.add();
      break;
    case ReplyStatus::error:
      metrics_.error.add();
      break;
    case ReplyStatus::timeout:
      metrics_.timeout.add();
      break;
    default:
      metrics_.unavailable.add();
  }
  if (reply.status != ReplyStatus::unavailable) {
    metrics_.duration.observe(now_ns() - pending.sent_ns);
  }
  ++answering_;
  pending.request->on_reply(reply);
  --answering_;
}

/// The timer is armed for the oldest command when it is sent, and here for the one that is oldest
/// by then: about once per timeout, and not per command.
void RedisChannel::check_deadline() {
  while (!pending_.empty()) {
    const uint64_t deadline_ns = pending_.front().sent_ns + options_.timeout_ms * kNsPerMs;
    const uint64_t now = uv_hrtime();
    if (now < deadline_ns) {
      return start_timer((deadline_ns - now + kNsPerMs - 1) / kNsPerMs);
    }
    // A loop that was held up runs timers before it polls: the reply may be there already.
    const uint64_t replies_before = replies_;
    connection_->read();
    if (!up()) {
      return;
    }
    if (replies_ != replies_before) {
      continue;
    }
    // The late reply could only be told from the next one's by counting: a new connection instead.
    return fail(fmt::format("timed out after {} ms", options_.timeout_ms), ReplyStatus::timeout);
  }
}

uint64_t RedisChannel::now_ns() {
  if (clock_ns_ == 0) {
    clock_ns_ = owner_.now_ns();
  }
  return clock_ns_;
}

void RedisChannel::start_timer(uint64_t ms) {
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<RedisChannel*>(timer->data)->on_timer(); },
      ms, 0);
}

void RedisChannel::on_timer() {
  switch (state_) {
    case State::resolving:
    case State::connecting:
    case State::handshaking:
      return fail(fmt::format("{} within {} ms", missed(), options_.timeout_ms));
    case State::up:
      return check_deadline();
    case State::broken:
      return wait_and_retry();
    case State::waiting:
      return attempt();
    case State::closed:
      return;
  }
}

std::string_view RedisChannel::missed() const {
  if (state_ == State::resolving) {
    return "the name was not resolved";
  }
  return state_ == State::connecting ? "no connection" : "no answer";
}

}  // namespace zerogate
