#include "gateway/keys/curve_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/quote.h"
#include "core/base/unique_fd.h"
#include "core/base/unreadable.h"
#include "core/io/zmq_curve.h"
#include "core/security/file_text.h"

namespace zerogate {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHowToMake = "zerogate keys curve NAME makes a pair";
constexpr std::string_view kReadModes = "0640 (a folder: 0750)";

Result<CurveCertificate> read_certificate(const std::string& file) {
  const auto text = read_file_text(
      file, {.most_bytes = kMaxCurveFileBytes, .fix = kHowToMake, .modes = kReadModes});
  if (!text) {
    return Error{fmt::format("{} {}", quote(file), text.error())};
  }
  auto certificate = parse_curve_certificate(text.value());
  if (!certificate) {
    return Error{fmt::format("{} is no certificate as pyzmq and czmq write it: {}; {}", quote(file),
                             certificate.error(), kHowToMake)};
  }
  return certificate;
}

bool is_name(std::string_view name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '@';
  };
  return !name.empty() && name.size() <= kMaxCurveNameBytes && std::ranges::all_of(name, allowed);
}

/// Adds a client's file. What is wrong with it, or nothing.
std::string take_client(const fs::path& file, CurveClientKeys& clients) {
  const std::string shown = quote(file.string());
  const auto certificate = read_certificate(file.string());
  if (!certificate) {
    return certificate.error();
  }
  const auto& [public_key, secret_key] = certificate.value();
  if (!secret_key.empty()) {
    return fmt::format("{} has a secret key, which is its client's alone; put the public one there",
                       shown);
  }
  const std::string name = file.stem().string();
  if (!is_name(name)) {
    return fmt::format(
        "{} is no name for a client; write 1 to {} of the characters A-Z a-z 0-9 _ . "
        "- @ before its last dot",
        shown, kMaxCurveNameBytes);
  }
  const auto [place, is_new] = clients.names.emplace(public_key, name);
  return is_new ? "" : fmt::format("{} has the same key as {}; keep one", shown, place->second);
}

constexpr mode_t kPublicMode = 0644;
constexpr mode_t kSecretMode = 0600;

/// Writes a file that was not there. What is wrong, or nothing.
std::string write_new(const std::string& file, const std::string& text, mode_t mode) {
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) {
    return fmt::format("{} cannot be made: {}", quote(file), std::strerror(errno));
  }
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    const std::string why = std::strerror(errno);
    unlink(file.c_str());
    return fmt::format("{} cannot be written: {}", quote(file), why);
  }
  return "";
}

}  // namespace

Result<CurveKeyFile> read_curve_secret_key(const std::string& file) {
  const auto certificate = read_certificate(file);
  if (!certificate) {
    return Error{certificate.error()};
  }
  const auto& [public_key, secret_key] = certificate.value();
  if (secret_key.empty()) {
    return Error{
        fmt::format("{} has a public key only; name the file with the secret one, as in "
                    "NAME.key_secret",
                    quote(file))};
  }
  struct stat status {};
  if (stat(file.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    return Error{
        fmt::format("{} can be read by every user (mode {:04o}); chmod o= it, or in "
                    "Kubernetes set the volume's defaultMode: 0440",
                    quote(file), status.st_mode & 0777U)};
  }
  if (!public_key.empty() && public_key != curve_public_key(secret_key)) {
    return Error{fmt::format("{}: its public key is not that of its secret key; {}", quote(file),
                             kHowToMake)};
  }
  return CurveKeyFile{file, secret_key};
}

Result<CurveKeyFile> read_curve_public_key(const std::string& file) {
  const auto certificate = read_certificate(file);
  if (!certificate) {
    return Error{certificate.error()};
  }
  if (certificate.value().public_key.empty()) {
    return Error{
        fmt::format("{} has no public key; name the file with the server's public one, as "
                    "in NAME.key",
                    quote(file))};
  }
  return CurveKeyFile{file, certificate.value().public_key};
}

Result<CurveClientKeys> read_curve_clients(const std::string& folder) {
  if (folder == "any") {
    return CurveClientKeys{folder};
  }
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with('.') && !name.ends_with("_secret") && at->is_regular_file(ignored)) {
      files.push_back(at->path());
    }
  }
  if (error) {
    return Error{fmt::format(
        "{} cannot be read: {}; {}", quote(folder), error.message(),
        fix_of_unreadable(error.value(), "name a folder with a certificate for each client, or any",
                          kReadModes))};
  }
  if (files.size() > kMaxCurveClients) {
    return Error{fmt::format("{} has more than {} files", quote(folder), kMaxCurveClients)};
  }
  std::ranges::sort(files);
  CurveClientKeys clients{folder};
  for (const fs::path& file : files) {
    if (std::string problem = take_client(file, clients); !problem.empty()) {
      return Error{std::move(problem)};
    }
  }
  return clients;
}

Result<std::string> make_curve_files(const std::string& name) {
  const std::string public_file = name + ".key";
  const std::string secret_file = name + ".key_secret";
  const CurveCertificate pair = make_curve_pair();
  if (pair.secret_key.empty()) {
    return Error{"libzmq was built without CURVE; install the distribution's"};
  }
  std::string problem = write_new(secret_file, curve_certificate_text(pair), kSecretMode);
  if (problem.empty()) {
    problem = write_new(public_file, curve_certificate_text({pair.public_key, ""}), kPublicMode);
    if (!problem.empty()) {
      unlink(secret_file.c_str());
    }
  }
  if (!problem.empty()) {
    return Error{problem + "; name another"};
  }
  return fmt::format(
      "{0}: for the other side; a client's belongs into the gateway's folder curve.clients.\n"
      "{1}: stays here; a gateway's is its curve.secret_key.\n"
      "When these are a client's keys: before its first call in Python, with the gateway's public "
      "key in\n"
      "gateway.key:\n"
      "\n"
      "public, secret = zmq.auth.load_certificate(\"{1}\")\n"
      "for context in zmq.Context.instance(), zmq.asyncio.Context.instance():\n"
      "    context.curve_publickey, context.curve_secretkey, context.curve_serverkey = public, "
      "secret, zmq.auth.load_certificate(\"gateway.key\")[0]\n",
      public_file, secret_file);
}

}  // namespace zerogate
