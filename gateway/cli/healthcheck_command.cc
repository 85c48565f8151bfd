#include "gateway/cli/healthcheck_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "core/client/connect.h"
#include "gateway/cli/exit_status.h"

namespace zerogate {
namespace {

/// The status line, a few headers and one line of text: much more is no answer of ours.
constexpr size_t kMaxAnswerBytes = 8 << 10;

struct Answer {
  int status = 0;
  std::string text;  ///< the body, one line
};

/// Where a client of this machine reaches a listener: 0.0.0.0 and [::] are no address to call.
Address reachable(Address address) {
  if (address.host == "0.0.0.0") {
    address.host = "127.0.0.1";
  }
  if (address.host == "::") {
    address.host = "::1";
  }
  return address;
}

/// Takes "HTTP/1.1 200 OK", headers, and the body's first line apart. The status is 0 when it is
/// no HTTP.
Answer parse_answer(std::string_view bytes) {
  Answer answer;
  constexpr std::string_view kVersion = "HTTP/1.";
  if (!bytes.starts_with(kVersion) || bytes.size() < kVersion.size() + 5) {
    return answer;
  }
  const char* digits = bytes.data() + kVersion.size() + 2;
  std::from_chars(digits, digits + 3, answer.status);
  const size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    return answer;
  }
  const std::string_view body = bytes.substr(head + 4);
  for (const char c : body.substr(0, body.find('\n'))) {
    answer.text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return answer;
}

Result<std::string> exchange(int fd, std::string_view request, const Deadline& deadline) {
  // A request this short fits into the socket's buffer whole.
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Error{errno_text(errno)};
  }
  std::string answer;
  std::array<char, 1024> chunk;
  while (answer.size() < kMaxAnswerBytes) {
    if (!wait_for(fd, POLLIN, deadline)) {
      return Error{"no answer in time"};
    }
    const ssize_t count = recv(fd, chunk.data(), chunk.size(), 0);
    if (count > 0) {
      answer.append(chunk.data(), static_cast<size_t>(count));
    } else if (count == 0) {
      return answer;  // the admin server closes after each answer
    } else if (errno != EAGAIN && errno != EINTR) {
      return Error{errno_text(errno)};
    }
  }
  return answer;
}

Result<Answer> get_readyz(const Address& address, uint32_t timeout_ms) {
  const Deadline deadline(timeout_ms);
  const auto fd = connect_to(address, timeout_ms);
  if (!fd) {
    return Error{fd.error()};
  }
  const auto bytes = exchange(fd.value().get(), "GET /readyz HTTP/1.0\r\n\r\n", deadline);
  if (!bytes) {
    return Error{bytes.error()};
  }
  const Answer answer = parse_answer(bytes.value());
  if (answer.status == 0) {
    return Error{"what answers there speaks no HTTP; is it the admin port?"};
  }
  return answer;
}

}  // namespace

int run_healthcheck(const HealthcheckCommand& command, const Environment& environment,
                    std::ostream& out, std::ostream& err) {
  const auto loaded = load_config(command.config_file, environment, command.flags);
  const auto* errors = std::get_if<ConfigErrors>(&loaded);
  const std::optional<Address> admin =
      errors != nullptr ? errors->admin : std::get<Config>(loaded).admin;
  // A gateway that refused to reload this configuration is as healthy as before.
  const auto fail = [&](int status) {
    for (const std::string& line : errors != nullptr ? errors->lines : std::vector<std::string>()) {
      err << line << '\n';
    }
    return errors != nullptr ? kUsage : status;
  };
  if (!admin || admin->port == 0) {
    if (errors == nullptr) {
      err << "zerogate healthcheck: there is no admin port to ask; name it with --admin or "
             "ZEROGATE_ADMIN, or switch the health check off too\n";
    }
    return fail(kUsage);
  }
  const Address address = reachable(*admin);
  const auto answer = get_readyz(address, command.timeout_ms);
  if (!answer) {
    err << fmt::format("zerogate healthcheck: {}: {}\n", address.display(), answer.error());
    return fail(kFailed);
  }
  const auto& [status, text] = answer.value();
  if (status != 200) {
    err << fmt::format("zerogate healthcheck: {}: not ready ({}): {}\n", address.display(), status,
                       text);
    return kFailed;
  }
  out << fmt::format("{}: {}\n", address.display(), text);
  return kOk;
}

}  // namespace zerogate
