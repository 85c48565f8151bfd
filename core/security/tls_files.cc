#include "core/security/tls_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "core/base/quote.h"
#include "core/security/file_text.h"

namespace zerogate {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;  // a bundle of all public CAs has a quarter of it
constexpr std::string_view kTlsCert = "tls.cert";
constexpr std::string_view kTlsKey = "tls.key";
constexpr std::string_view kTlsCa = "tls.ca";

/// The text of a file, or nothing and a report.
std::optional<std::string> read_tls_file(const std::string& name, std::string_view key,
                                         const TlsFileReport& fail) {
  auto text = read_file_text(name, {.most_bytes = kMaxFileBytes, .fix = "name a file in PEM"});
  if (!text) {
    fail(key, fmt::format("{}: {}", quote(name), text.error()));
    return std::nullopt;
  }
  return std::move(text).value();
}

/// Fills in the three texts. False: one is missing, and has been reported.
bool read_texts(const TlsFiles& files, TlsMaterial& material, const TlsFileReport& fail) {
  const std::array<std::tuple<std::string_view, const std::string*, std::string*>, 3> parts = {
      {{kTlsCert, &files.cert, &material.certificate},
       {kTlsKey, &files.key, &material.key},
       {kTlsCa, &files.ca, &material.authorities}}};
  bool whole = true;
  for (const auto& [key, name, text] : parts) {
    if (name->empty()) {
      continue;
    }
    if (auto read = read_tls_file(*name, key, fail)) {
      *text = *std::move(read);
    } else {
      whole = false;
    }
  }
  return whole;
}

void warn_of_rights(const TlsFiles& files, const TlsFileReport& warn) {
  struct stat status {};
  if (!files.key.empty() && stat(files.key.c_str(), &status) == 0 &&
      (status.st_mode & S_IROTH) != 0) {
    warn(kTlsKey, fmt::format("{} can be read by every user of this machine; chmod o-r it",
                              quote(files.key)));
  }
}

}  // namespace

std::shared_ptr<const TlsMaterial> read_tls_files(const TlsFiles& files, TlsSide side,
                                                  TlsMaterial material,
                                                  const TlsFileReports& reports) {
  warn_of_rights(files, reports.warn);
  if (!read_texts(files, material, reports.fail)) {
    return nullptr;
  }
  const std::array<std::pair<std::string_view, const std::string*>, 3> parts = {
      {{kTlsCert, &files.cert}, {kTlsKey, &files.key}, {kTlsCa, &files.ca}}};
  const auto tell = [&](const TlsFileReport& report, TlsFault::Part part,
                        const std::string& message) {
    const auto& [key, file] = parts[static_cast<size_t>(part)];
    report(key, fmt::format("{}: {}", quote(*file), message));
  };
  const auto made = TlsContext::make(side, material);
  if (const auto* fault = std::get_if<TlsFault>(&made)) {
    tell(reports.fail, fault->part, fault->message);
    return nullptr;
  }
  for (const TlsDoubt& doubt : std::get<0>(made)->doubts()) {
    tell(doubt.is_note ? reports.note : reports.warn, doubt.part, doubt.message);
  }
  return std::make_shared<TlsMaterial>(std::move(material));
}

}  // namespace zerogate
