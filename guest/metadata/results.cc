#include "metadata/results.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "metadata/user_data.h"

namespace guest {
namespace {

class Writer {
 public:
  Writer(std::string directory, Log& log) : directory_(std::move(directory)), log_(log) {}

  void file(const std::string& name, std::string_view content, mode_t mode = 0644) {
    check("writing", name, replace_file(directory_ + "/" + name, content, mode));
  }
  void directory(const std::string& name, mode_t mode) {
    std::string path = directory_ + "/" + name;
    Errno error = Errno::of(::mkdir(path.c_str(), mode));
    // There already: from a run before, or from another source's values.
    if (error.value() == EEXIST && is_directory(path)) error = Errno::of(::chmod(path.c_str(), mode));
    check("creating", name, error);
  }
  bool good() const { return good_; }

 private:
  void check(const char* what, const std::string& name, Errno error) {
    if (!error.failed()) return;
    good_ = false;
    log_.line(format("metadata: %s '%s/%s': %s", what, directory_.c_str(), printable(name).c_str(), error.text()));
  }

  std::string directory_;
  Log& log_;
  bool good_ = true;
};

}  // namespace

std::string clean_hostname(const std::string& text) {
  std::string_view rest = text;
  std::string_view line;
  take_line(rest, line);
  line = trim(line);
  bool clean = line.size() <= HOST_NAME_MAX &&
               std::all_of(line.begin(), line.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '/'; });
  return clean ? std::string{line} : std::string{};
}

bool write_results(const Metadata& metadata, const std::string& directory, Log& log) {
  mode_t mask = ::umask(0);
  Writer writer{directory, log};
  if (Errno error = make_directories(directory); error.failed())
    log.line(format("metadata: creating '%s': %s", printable(directory).c_str(), error.text()));
  writer.file("provider", metadata.provider);
  std::string hostname = clean_hostname(metadata.hostname);
  if (!hostname.empty()) writer.file("hostname", hostname);
  for (const auto& [name, content] : metadata.files) writer.file(name, content);
  if (!metadata.ssh_keys.empty()) {
    writer.directory("ssh", 0755);
    writer.file("ssh/authorized_keys", metadata.ssh_keys, 0600);
  }
  if (metadata.user_data) {
    writer.file("userdata", *metadata.user_data);
    std::vector<PlannedEntry> entries;
    std::vector<std::string> problems;
    plan_user_data(*metadata.user_data, entries, problems);
    for (const std::string& problem : problems) log.line("metadata: user data: " + problem);
    for (const PlannedEntry& entry : entries) {
      if (entry.directory) {
        writer.directory(entry.path, entry.mode);
      } else {
        writer.file(entry.path, entry.content, entry.mode);
      }
    }
  }
  ::umask(mask);
  return writer.good();
}

}  // namespace guest
