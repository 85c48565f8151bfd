#include "core/listener/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/integration/own_port.h"
#include "tests/unit/core/base/refuse_call.h"

namespace zerogate {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

Result<ListenSocket> open(std::string_view text, bool reuse_port = false) {
  return ListenSocket::open(Address::parse(text).value(), reuse_port);
}

/// 0 when somebody listens at the address, else errno.
int knock(const Address& address) {
  sockaddr_storage where{};
  socklen_t size = sizeof(sockaddr_in);
  if (address.is_path()) {
    auto& unix_address = reinterpret_cast<sockaddr_un&>(where);
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, address.path.data(), address.path.size());
    size = sizeof(sockaddr_un);
  } else if (address.host.find(':') != std::string::npos) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(where);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
    size = sizeof(sockaddr_in6);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(where);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
  }
  const UniqueFd fd(socket(where.ss_family, SOCK_STREAM, 0));
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&where), size) == 0 ? 0 : errno;
}

TEST(ListenSocketTest, Port0GivesAFreeOneAndSaysWhich) {
  const auto socket = open("127.0.0.1:0");
  ASSERT_TRUE(socket) << socket.error();
  EXPECT_NE(socket.value().bound().port, 0);
  EXPECT_EQ(socket.value().bound().host, "127.0.0.1");
  EXPECT_EQ(knock(socket.value().bound()), 0);
}

TEST(ListenSocketTest, WhatASocketIsBoundToHasTheRealPortAndTheAddressOfAName) {
  const auto socket = open("127.0.0.1:0");
  const Address bound = socket.value().bound();
  EXPECT_EQ(bound_address(socket.value().fd(), {"127.0.0.1", 0, ""}), bound);
  EXPECT_EQ(bound_address(socket.value().fd(), {"a.test", 0, ""}), bound);
}

TEST(ListenSocketTest, TheSocketIsNonBlockingAndNotInherited) {
  const auto socket = open("127.0.0.1:0");
  ASSERT_TRUE(socket);
  EXPECT_TRUE(fcntl(socket.value().fd(), F_GETFL) & O_NONBLOCK);
  EXPECT_TRUE(fcntl(socket.value().fd(), F_GETFD) & FD_CLOEXEC);
}

TEST(ListenSocketTest, ABusyPortsLineSaysWhatWhereAndWhatWouldMendIt) {
  const auto first = open("127.0.0.1:0");
  ASSERT_TRUE(first);
  const auto second = ListenSocket::open(first.value().bound(), false);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(),
            fmt::format("cannot listen on 127.0.0.1:{}: Address already in use; is another gateway "
                        "running? Stop it or choose another address",
                        first.value().bound().port));
}

TEST(ListenSocketTest, SeveralShareAPortOnlyWhenAllAskForIt) {
  const auto first = open("127.0.0.1:0", true);
  ASSERT_TRUE(first);
  const auto second = ListenSocket::open(first.value().bound(), true);
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(second.value().bound().port, first.value().bound().port);
  EXPECT_FALSE(ListenSocket::open(first.value().bound(), false));
}

TEST(ListenSocketTest, APortIsFreeAgainAtOnce) {
  Address address;
  {
    const auto socket = open("127.0.0.1:" + std::to_string(testing::own_port()));
    ASSERT_TRUE(socket);
    address = socket.value().bound();
    ASSERT_EQ(knock(address), 0);  // leaves a connection in TIME_WAIT, or one to be reset
  }
  EXPECT_EQ(knock(address), ECONNREFUSED);
  const auto again = ListenSocket::open(address, false);
  EXPECT_TRUE(again) << again.error();
}

TEST(ListenSocketTest, SpeaksIpv6) {
  const auto socket = open("[::1]:0");
  if (!socket && socket.error().find("address family") != std::string::npos) {
    GTEST_SKIP() << "no IPv6 here: " << socket.error();
  }
  ASSERT_TRUE(socket) << socket.error();
  EXPECT_EQ(socket.value().bound().display(), fmt::format("[::1]:{}", socket.value().bound().port));
  EXPECT_EQ(knock(socket.value().bound()), 0);
  const auto second = ListenSocket::open(socket.value().bound(), false);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), StartsWith("cannot listen on [::1]:"));
}

// In a network of its own, whose default is the other one. Not every container lets a process have
// one.
TEST(ListenSocketDeathTest, AllAddressesAreThoseOfIpv4TooWhateverTheSystemsDefaultIs) {
  const auto show_option = [] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 ||
        !(std::ofstream("/proc/sys/net/ipv6/bindv6only") << 1 << std::flush)) {
      std::fputs("no network of its own", stderr);
      _exit(0);
    }
    const auto socket = open("[::]:0");
    int only_v6 = -1;
    socklen_t size = sizeof only_v6;
    if (socket) {
      getsockopt(socket.value().fd(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &size);
    }
    std::fputs(only_v6 == 0 ? "both" : "one", stderr);
    _exit(0);
  };
  EXPECT_EXIT(show_option(), ::testing::ExitedWithCode(0), "both|no network of its own");
}

TEST(ListenSocketDeathTest, WithoutIpv6AllAddressesAreThoseOfIpv4) {
  const auto listen = [](const char* text) {
    testing::refuse_call(SYS_socket, EAFNOSUPPORT, AF_INET6);
    const auto socket = open(text);
    std::fputs(socket ? "listens" : socket.error().c_str(), stderr);
    _exit(!socket);
  };
  EXPECT_EXIT(listen("[::]:0"), ::testing::ExitedWithCode(0), "listens");
  EXPECT_EXIT(listen("[::1]:0"), ::testing::ExitedWithCode(1),
              "cannot listen on \\[::1\\]:0: Address family not supported by protocol");
}

TEST(ListenSocketTest, AnAddressOfAnotherMachineIsNotOurs) {
  const auto socket = open("192.0.2.1:0");  // RFC 5737: nobody's
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error(),
            "cannot listen on 192.0.2.1:0: Cannot assign requested address; no interface of this "
            "machine has that address");
}

TEST(ListenSocketTest, AFaultThatHasNoAdviceIsToldAsItIs) {
  const auto socket = open("unix:/dev/null/z.sock");
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error(), "cannot listen on unix:/dev/null/z.sock: Not a directory");
}

TEST(ListenSocketTest, AGroupThatCannotBeWholeIsNone) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(UniqueFd(dup(STDOUT_FILENO)).get()) + 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto sockets = ListenSocket::open_group({"127.0.0.1", 0, ""}, 8);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(sockets);
  EXPECT_THAT(sockets.error(), HasSubstr("Too many open files"));
}

TEST(ListenSocketTest, ADuplicateOutlivesTheOriginal) {
  std::optional<ListenSocket> socket = open("127.0.0.1:0").value();
  const Address address = socket->bound();
  const UniqueFd duplicate(socket->duplicate());
  EXPECT_TRUE(fcntl(duplicate.get(), F_GETFD) & FD_CLOEXEC);
  socket.reset();
  EXPECT_EQ(knock(address), 0);
}

TEST(ListenSocketTest, OfANameItSaysTheAddress) {
  const auto socket = open("localhost:0");
  ASSERT_TRUE(socket) << socket.error();
  EXPECT_THAT(socket.value().bound().host, AnyOf("127.0.0.1", "::1"));
  EXPECT_EQ(knock(socket.value().bound()), 0);
}

class UnixSocketTest : public ::testing::Test {
 protected:
  UnixSocketTest() {
    char name[] = "/tmp/zerogate-test-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/socket";
  }
  ~UnixSocketTest() override { fs::remove_all(directory_); }

  Result<ListenSocket> open() { return ListenSocket::open({"", 0, path_}, false); }

  /// A socket's file that nobody listens on any more, as a killed process leaves it.
  void leave_stale_file() {
    const UniqueFd fd = bind_raw();
    ASSERT_EQ(listen(fd.get(), 1), 0);
  }
  UniqueFd bind_raw() {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, path_.data(), path_.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    return fd;
  }

  std::string directory_, path_;
};

TEST_F(UnixSocketTest, WorkersShareItAndItsFileGoesOnce) {
  auto sockets = ListenSocket::open_group({"", 0, path_}, 3);
  ASSERT_TRUE(sockets) << sockets.error();
  ASSERT_EQ(sockets.value().size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const AcceptMember& member = sockets.value()[i].member();
    EXPECT_EQ(member.index, i);
    ASSERT_NE(member.balancer, nullptr);
    EXPECT_EQ(member.balancer, sockets.value().front().member().balancer);
  }
  sockets.value().pop_back();
  EXPECT_TRUE(fs::exists(path_)) << "the others still accept";
  sockets.value().clear();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocketTest, ListensAndRemovesItsFileAtTheEnd) {
  {
    const auto socket = open();
    ASSERT_TRUE(socket) << socket.error();
    EXPECT_EQ(socket.value().bound().display(), "unix:" + path_);
    EXPECT_EQ(knock(socket.value().bound()), 0);
    EXPECT_TRUE(fs::is_socket(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocketTest, AMovedSocketsFileStaysUntilItsNewOwnerGoes) {
  {
    std::optional<ListenSocket> first = open().value();
    const ListenSocket second(std::move(*first));
    first.reset();
    EXPECT_TRUE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

// As when an entrypoint removes old files before it starts a gateway anew.
TEST_F(UnixSocketTest, TheFileOfAnotherSocketThatHasThePathByNowStays) {
  for (const bool held : {false, true}) {
    std::optional<Result<ListenSocket>> first = open();
    ASSERT_TRUE(*first);
    fs::remove(path_);
    const auto second = open();
    ASSERT_TRUE(second);
    if (held) {
      first->value().hold_newcomers();
    }
    first.reset();
    EXPECT_TRUE(fs::exists(path_)) << held;
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocketTest, AStaleFileIsReplaced) {
  leave_stale_file();
  ASSERT_TRUE(fs::exists(path_));
  const auto socket = open();
  ASSERT_TRUE(socket) << socket.error();
  EXPECT_EQ(knock(socket.value().bound()), 0);
}

/// The mode does not depend on the umask, and the group may be any that the process is in: its own
/// by name and number, and one more where there is one.
TEST_F(UnixSocketTest, TheFileHasTheRightsThatWereAskedFor) {
  std::array<gid_t, 64> groups{};
  const int count = std::max(getgroups(groups.size(), groups.data()), 0);
  const gid_t group = count > 0 ? groups[static_cast<size_t>(count - 1)] : getegid();
  const mode_t mask = umask(0077);
  for (const uint32_t mode : {0660U, 0600U, 0777U}) {
    const auto socket = ListenSocket::open_unix({"", 0, path_}, {mode, std::to_string(group)});
    ASSERT_TRUE(socket) << socket.error();
    struct stat file {};
    ASSERT_EQ(stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, mode);
    EXPECT_EQ(file.st_gid, group);
    EXPECT_EQ(knock(socket.value().bound()), 0);
  }
  umask(mask);
}

TEST_F(UnixSocketTest, AGroupThatCannotBeHadIsOneLineAndNoFile) {
  EXPECT_FALSE(is_group("no-such-group"));
  EXPECT_TRUE(is_group("root"));
  EXPECT_TRUE(is_group("65000"));
  const auto unknown = ListenSocket::open_unix({"", 0, path_}, {.group = "no-such-group"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error(),
            "cannot listen on unix:" + path_ + ": there is no group 'no-such-group'");
  // The super-user may give files to any group: for this one call, be nobody.
  ASSERT_EQ(chmod(directory_.c_str(), 0777), 0);
  const uid_t user = static_cast<uid_t>(setfsuid(geteuid() == 0 ? 65534 : geteuid()));
  const auto foreign = ListenSocket::open_unix({"", 0, path_}, {.group = "4294967000"});
  setfsuid(user);
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error(),
              HasSubstr("it cannot be given to the group '4294967000': Operation not permitted; "));
  EXPECT_FALSE(fs::exists(path_));
}

/// One that is bound and does not listen yet is no stale one, while its folder is locked.
TEST_F(UnixSocketTest, AFileIsTakenOverByOneProcessAtATime) {
  leave_stale_file();
  {
    const UniqueFd folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_EQ(flock(folder.get(), LOCK_EX), 0);
    const auto socket = open();
    ASSERT_FALSE(socket);
    EXPECT_THAT(socket.error(), HasSubstr("Address already in use"));
    EXPECT_TRUE(fs::is_socket(path_));
  }
  EXPECT_TRUE(open());
}

TEST_F(UnixSocketTest, ASocketThatSomebodyAnswersOnIsNot) {
  const auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), "cannot listen on unix:" + path_ +
                                ": Address already in use; is another gateway running? Stop it or "
                                "choose another address");
  EXPECT_EQ(knock(first.value().bound()), 0) << "the first one is not disturbed";
}

// A blocking connect() to it would wait until its owner accepts: forever, here.
TEST_F(UnixSocketTest, ASocketWhoseOwnerIsTooBusyToAnswerIsNot) {
  const UniqueFd busy = bind_raw();
  ASSERT_EQ(listen(busy.get(), 0), 0);
  const Address address{"", 0, path_};
  ASSERT_EQ(knock(address), 0);  // the one that fits into its backlog
  const auto socket = open();
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error(), HasSubstr("Address already in use"));
  EXPECT_TRUE(fs::is_socket(path_));
}

TEST_F(UnixSocketTest, AFileThatIsNoSocketIsNeverDeleted) {
  std::ofstream(path_) << "somebody's data";
  const auto socket = open();
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error(), StartsWith("cannot listen on unix:" + path_ + ": Address already"));
  std::string content;
  std::getline(std::ifstream(path_), content);
  EXPECT_EQ(content, "somebody's data");
}

TEST_F(UnixSocketTest, ALinkToAStaleSocketIsNotFollowed) {
  leave_stale_file();
  const std::string target = path_;
  path_ = directory_ + "/link";
  fs::create_symlink(target, path_);
  EXPECT_FALSE(open());
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_TRUE(fs::is_socket(target));
}

TEST_F(UnixSocketTest, ADirectoryThatIsNotThereIsAskedFor) {
  path_ = directory_ + "/missing/socket";
  const auto socket = open();
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error(), "cannot listen on unix:" + path_ +
                                ": No such file or directory; create the directory first");
}

TEST_F(UnixSocketTest, ADirectoryThatMayNotBeWrittenIsSaidToBe) {
  ASSERT_EQ(chmod(directory_.c_str(), 0555), 0);
  // The super-user may write anywhere: for this one call, be nobody. Of this thread only.
  const uid_t user = static_cast<uid_t>(setfsuid(geteuid() == 0 ? 65534 : geteuid()));
  const auto socket = open();
  setfsuid(user);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error(), "cannot listen on unix:" + path_ +
                                ": Permission denied; choose a port above 1023 or a path that this "
                                "user may write");
}

TEST_F(UnixSocketTest, APathThatIsTooLongIsRefusedAndNotCut) {
  path_ = directory_ + "/" + std::string(sizeof(sockaddr_un{}.sun_path), 'x');
  const auto socket = open();
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error(),
            "cannot listen on unix:" + path_ + ": the path is longer than 107 bytes");
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(UnixSocketTest, TheLongestPathIsTaken) {
  path_ = directory_ + "/";
  path_ += std::string(sizeof(sockaddr_un{}.sun_path) - 1 - path_.size(), 'x');
  {
    const auto socket = open();
    ASSERT_TRUE(socket) << socket.error();
    EXPECT_EQ(knock(socket.value().bound()), 0);
  }
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(UnixSocketTest, HoldingNewcomersTakesTheFileAway) {
  auto socket = open();
  ASSERT_TRUE(socket) << socket.error();
  const Address bound = socket.value().bound();
  socket.value().hold_newcomers();
  EXPECT_EQ(knock(bound), ENOENT);
  EXPECT_TRUE(fs::is_empty(directory_));
}

// On loopback the kernel has done its part of the handshake when connect() returns.
TEST(ListenSocketTest, HeldNewcomersWaitAndThoseBeforeThemCanBeAccepted) {
  auto socket = open("127.0.0.1:0");
  ASSERT_TRUE(socket) << socket.error();
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(socket.value().bound().port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto begin = [&] {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where);
    return fd;
  };
  const auto connected = [](const UniqueFd& fd) {
    pollfd one{fd.get(), POLLOUT, 0};
    return poll(&one, 1, 0) == 1 && one.revents == POLLOUT;
  };
  const UniqueFd before = begin();
  EXPECT_TRUE(connected(before));
  socket.value().hold_newcomers();
  const UniqueFd after = begin();
  EXPECT_FALSE(connected(after));
  const UniqueFd accepted(accept(socket.value().fd(), nullptr, nullptr));
  EXPECT_GE(accepted.get(), 0);
  const UniqueFd none(accept4(socket.value().fd(), nullptr, nullptr, SOCK_NONBLOCK));
  EXPECT_LT(none.get(), 0);
}

// A socket with TCP_DEFER_ACCEPT has half a connection until the client sends something.
TEST(ListenSocketTest, AHandshakeThatHasBegunEndsThoughNewcomersAreHeld) {
  auto socket = open("127.0.0.1:0");
  ASSERT_TRUE(socket) << socket.error();
  const int seconds = 10;
  ASSERT_EQ(
      setsockopt(socket.value().fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds), 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(socket.value().bound().port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  const UniqueFd none(accept(socket.value().fd(), nullptr, nullptr));
  ASSERT_LT(none.get(), 0) << "half a connection";
  socket.value().hold_newcomers();
  ASSERT_EQ(send(client.get(), "x", 1, 0), 1);
  pollfd one{socket.value().fd(), POLLIN, 0};
  EXPECT_EQ(poll(&one, 1, 10'000), 1);
  const UniqueFd accepted(accept(socket.value().fd(), nullptr, nullptr));
  EXPECT_GE(accepted.get(), 0);
}

}  // namespace
}  // namespace zerogate
