#include "http/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/error.h"
#include "base/human.h"
#include "base/unique_fd.h"
#include "http/target.h"

namespace kiln::http {
namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// The colours follow the reader's system; sizes do not wrap, so that it reads well on a phone.
constexpr std::string_view kHead =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<style>\n"
    "body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }\n"
    "table { border-collapse: collapse; width: 100%; }\n"
    "td { padding: .1rem .5rem .1rem 0; overflow-wrap: anywhere; }\n"
    "td + td { text-align: right; white-space: nowrap; opacity: .7; }\n"
    "</style>\n";

ListedFile stat_file(int directory, std::string name) {
  ListedFile file{std::move(name), false, std::nullopt, std::nullopt};
  struct stat found {};
  // What a symlink leads to may be outside, and is nobody's business.
  if (::fstatat(directory, file.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return file;
  file.is_directory = S_ISDIR(found.st_mode);
  if (S_ISREG(found.st_mode)) {
    file.size = static_cast<std::uint64_t>(found.st_size);
    file.modified = found.st_mtime;
  }
  return file;
}

std::string format_minute(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string row(const ListedFile& file) {
  const std::string shown = file.is_directory ? file.name + "/" : file.name;
  // "./": a name may have a colon, and would otherwise be taken for a scheme.
  return concat("<tr><td><a href=\"./", escape_html(escape_path(shown)), "\">", escape_html(shown), "</a></td><td>",
                file.size ? human_size(*file.size) : std::string{}, "</td><td>",
                file.modified ? format_minute(*file.modified) : std::string{}, "</td></tr>\n");
}

}  // namespace

std::vector<ListedFile> read_directory(int directory) {
  UniqueFd own{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  std::unique_ptr<DIR, CloseDirectory> stream{own ? ::fdopendir(own.get()) : nullptr};
  if (!stream) throw SysError{errno, "reading a directory"};
  (void)own.release();  // the stream's now
  std::vector<ListedFile> files;
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_name[0] != '.') files.push_back(stat_file(directory, entry->d_name));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

std::string listing_page(std::string_view path, const std::vector<ListedFile>& files) {
  const std::string title = escape_html(path);
  std::string page = concat(kHead, "<title>", title, "</title>\n</head>\n<body>\n<h1>", title, "</h1>\n<table>\n");
  if (path != "/") page += "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
  for (const ListedFile& file : files) page += row(file);
  return page + "</table>\n</body>\n</html>\n";
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return out;
}

}  // namespace kiln::http
