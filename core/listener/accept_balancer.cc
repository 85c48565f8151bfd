#include "core/listener/accept_balancer.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace zerogate {

namespace {

constexpr uint32_t kEighths = 8;
/// A burst of which no more than so many connections are expected is over.
constexpr double kOver = 1.5;

/// Connections that the kernel has completed and no worker has accepted yet (tcp_get_info: for a
/// listening socket tcpi_unacked is the accept queue's length).
uint64_t waiting_on(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_unacked : 0;
}

/// Appends: return a random one of `indices`. A is a random number.
void append_choice(std::vector<sock_filter>& program, const std::vector<uint32_t>& indices) {
  const auto count = static_cast<uint32_t>(indices.size());
  if (count > 1) {
    program.push_back(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count));
  }
  for (uint32_t i = 0; i + 1 < count; ++i) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, indices[i]));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, indices.back()));
}

}  // namespace

AcceptBalancer::AcceptBalancer(std::vector<int> listening_fds,
                               std::function<Clock::time_point()> now)
    : now_(std::move(now)),
      fds_(std::move(listening_fds)),
      connections_(fds_.size(), 0),
      inboxes_(fds_.size()),
      looked_(now_()),
      last_came_(looked_),
      refilled_(looked_) {
  const std::lock_guard lock(mutex_);
  choose();
}

AcceptBalancer::AcceptBalancer(size_t workers)
    : now_(&Clock::now), connections_(workers, 0), inboxes_(workers) {}

bool AcceptBalancer::update(size_t index, uint64_t connections) {
  const std::lock_guard lock(mutex_);
  connections_[index] = connections;
  return choose();
}

void AcceptBalancer::open_inbox(size_t index, uint64_t most, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  inboxes_[index].most = most;
  inboxes_[index].wake = std::move(wake);
}

std::vector<UniqueFd> AcceptBalancer::close_inbox(size_t index) {
  const std::lock_guard lock(mutex_);
  inboxes_[index].wake = nullptr;
  return std::exchange(inboxes_[index].waiting, {});
}

uint64_t AcceptBalancer::held(size_t index) const {
  const Inbox& inbox = inboxes_[index];
  const uint64_t held = connections_[index] + inbox.waiting.size();
  return held < inbox.most ? held : kFull;
}

bool AcceptBalancer::place(size_t index, UniqueFd& connection) {
  const std::lock_guard lock(mutex_);
  uint64_t total = 0;
  size_t emptiest = index;
  for (size_t i = 0; i < inboxes_.size(); ++i) {
    if (held(i) < kFull) {
      total += held(i);
    }
    if (inboxes_[i].wake != nullptr && held(i) < held(emptiest)) {
      emptiest = i;
    }
  }
  const uint64_t slack = total / (kSlackShare * inboxes_.size());
  const size_t taker = held(index) > held(emptiest) + slack ? emptiest : index;
  if (held(taker) == kFull) {
    return false;
  }
  if (taker == index) {
    ++connections_[index];
    return true;
  }
  inboxes_[taker].waiting.push_back(std::move(connection));
  inboxes_[taker].wake();
  choose();
  return true;
}

UniqueFd AcceptBalancer::take(size_t index) {
  const std::lock_guard lock(mutex_);
  std::vector<UniqueFd>& waiting = inboxes_[index].waiting;
  if (waiting.empty()) {
    return {};
  }
  UniqueFd connection = std::move(waiting.back());
  waiting.pop_back();
  ++connections_[index];  // else others would pass on more meanwhile
  return connection;
}

bool AcceptBalancer::choose() {
  if (fds_.empty()) {
    return true;  // there is nothing that the kernel chooses from
  }
  std::vector<uint64_t> loads(fds_.size());
  uint64_t total = 0;
  for (size_t i = 0; i < fds_.size(); ++i) {
    loads[i] = held(i) + waiting_on(fds_[i]);
    if (loads[i] < kFull) {
      total += loads[i];
    }
  }
  expect(total);
  Choice choice = choice_of(loads, total);
  const bool calm = expected_ <= 1;
  if (choice == choice_) {
    return calm;
  }
  if (!may_attach()) {
    return false;
  }
  if (attach(choice)) {
    choice_ = std::move(choice);
  }
  return calm;  // what the kernel refuses now it refuses again
}

/// A worker that is woken by a connection runs within a millisecond, on a busy machine after some
/// more: so many connections as come in that time are expected. One that comes within a millisecond
/// of another may be the begin of a burst, of which nothing else is known.
void AcceptBalancer::expect(uint64_t total) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  constexpr double kBeginOfBurst = 8;
  constexpr double kMost = 256;  // else the memory of a burst lasts too long
  const Clock::time_point now = now_();
  const auto come = static_cast<double>(total - std::min(total, last_total_));
  double expected = 1;
  if (come > 0) {
    const double apart_ms = Milliseconds(now - std::exchange(last_came_, now)).count();
    if (come > 1 || apart_ms < 1) {
      expected = std::max({kBeginOfBurst, 4 * come, come / std::max(apart_ms, 1 / kMost)});
    }
  }
  const double left = expected_ * std::exp2(-Milliseconds(now - looked_).count());
  expected_ = std::min(std::max(expected, left), kMost);
  if (expected_ < kOver) {
    expected_ = 1;
  }
  looked_ = now;
  last_total_ = total;
}

AcceptBalancer::Choice AcceptBalancer::choice_of(const std::vector<uint64_t>& loads,
                                                 uint64_t total) const {
  const auto [least, most] = std::ranges::minmax(loads);
  const uint64_t slack = total / (kSlackShare * fds_.size());
  Choice choice;
  for (uint32_t i = 0; i < fds_.size(); ++i) {
    if (loads[i] <= least + slack) {
      choice.lowest.push_back(i);
    }
  }
  const uint64_t difference = most - least;
  const double share =
      static_cast<double>(choice.lowest.size()) * static_cast<double>(difference) / expected_;
  const double at_most = difference > 1 + 2 * slack ? kEighths : kEighths / 4.0;
  choice.eighths = static_cast<uint32_t>(std::lround(std::min(share * kEighths, at_most)));
  if (choice.eighths == 0 || choice.lowest.size() == fds_.size()) {
    choice.eighths = 0;  // all are alike, whatever the lowest are
    choice.lowest.resize(fds_.size());
    std::iota(choice.lowest.begin(), choice.lowest.end(), 0);
  }
  return choice;
}

bool AcceptBalancer::may_attach() {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now_() - refilled_);
  refilled_ += passed;
  tokens_ = std::min<int64_t>(tokens_ + passed.count(), kBurst);
  if (tokens_ == 0) {
    return false;
  }
  --tokens_;
  return true;
}

bool AcceptBalancer::attach(const Choice& choice) const {
  if (fds_.size() > kMaxSockets) {
    return false;
  }
  const sock_filter load_random =
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM));
  std::vector<sock_filter> of_lowest = {load_random};
  append_choice(of_lowest, choice.lowest);
  std::vector<sock_filter> program;
  const bool any = choice.eighths != kEighths && choice.lowest.size() != fds_.size();
  if (any) {
    const auto skipped = static_cast<uint8_t>(of_lowest.size());
    program = {load_random, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, kEighths),
               BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, choice.eighths, skipped, 0)};
  }
  program.insert(program.end(), of_lowest.begin(), of_lowest.end());
  if (any) {
    std::vector<uint32_t> all(fds_.size());
    std::iota(all.begin(), all.end(), 0);
    program.push_back(load_random);
    append_choice(program, all);
  }
  const sock_fprog code = {static_cast<unsigned short>(program.size()), program.data()};
  return setsockopt(fds_.front(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &code, sizeof code) == 0;
}

}  // namespace zerogate
