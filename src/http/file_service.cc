#include "http/file_service.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "http/beneath.h"
#include "http/listing.h"
#include "http/syntax.h"
#include "http/target.h"

namespace kiln::http {
namespace {

struct EndingType {
  std::string_view ending;
  std::string_view type;
};

// UEFI's HTTP boot goes by the type for .efi and .iso; nothing else that boots looks at it.
constexpr EndingType kTypes[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"txt", "text/plain; charset=utf-8"},
    {"log", "text/plain; charset=utf-8"},
    {"md", "text/plain; charset=utf-8"},
    {"ipxe", "text/plain; charset=utf-8"},
    {"cfg", "text/plain; charset=utf-8"},
    {"conf", "text/plain; charset=utf-8"},
    {"sh", "text/plain; charset=utf-8"},
    {"yml", "text/plain; charset=utf-8"},
    {"yaml", "text/plain; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"tar", "application/x-tar"},
    {"gz", "application/gzip"},
    {"tgz", "application/gzip"},
    {"zst", "application/zstd"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
    {"efi", "application/efi"},
    {"iso", "application/vnd.efi-iso"},
};

/// Inode, size and time of the last change: what a rebuild alters, since it replaces files as wholes.
std::string etag_of(const struct stat& file) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string tag{'"'};
  const auto append = [&tag](std::uint64_t value, char after) {
    char digits[16];
    std::size_t count = 0;
    do digits[count++] = kHex[value % 16];
    while ((value /= 16) > 0);
    while (count > 0) tag += digits[--count];
    tag += after;
  };
  append(file.st_ino, '-');
  append(static_cast<std::uint64_t>(file.st_size), '-');
  append(static_cast<std::uint64_t>(file.st_mtim.tv_sec), '.');
  append(static_cast<std::uint64_t>(file.st_mtim.tv_nsec), '"');
  return tag;
}

struct stat stat_of(int fd) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) throw SysError{errno, "looking at a file"};
  return found;
}

Response respond(std::shared_ptr<const UniqueFd> file, const struct stat& found, std::string_view name) {
  Response response;
  response.add("Content-Type", std::string{content_type(name)});
  response.etag = etag_of(found);
  response.last_modified = found.st_mtime;
  response.body.append(std::move(file), 0, static_cast<std::uint64_t>(found.st_size));
  return response;
}

/// What a failed open() means to the client.
Response open_failed(int error_number, std::string_view path) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return Response::error(404, concat("there is no ", quote(path)));
    case EXDEV:
      return Response::error(403, concat(quote(path), " leads out of the directory that is served"));
    case EACCES:
    case EPERM:
      return Response::error(403, concat(quote(path), " may not be read"));
    case ENXIO:
      return Response::error(403, concat(quote(path), " is no file"));
    case EMFILE:
    case ENFILE:
      return Response::error(503, "too many files are open").add("Retry-After", "1");
    default:
      throw SysError{error_number, "opening ", quote(path)};
  }
}

Response list(int directory, std::string_view path) {
  Response response = Response::text(200, listing_page(path, read_directory(directory)), "text/html; charset=utf-8");
  return response.add("Cache-Control", "no-cache");
}

/// A URL without the slash would make the links of a directory lead beside it.
Response redirect_to_directory(const Request& request) {
  std::string location = escape_path(request.path) + "/";
  if (const std::size_t query = request.target.find('?'); query != std::string::npos) {
    location += request.target.substr(query);
  }
  return Response::redirect(301, std::move(location));
}

}  // namespace

FileService::FileService(const std::filesystem::path& directory, Resolver resolver) : resolver_{resolver} {
  UniqueFd root{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) throw SysError{errno, "opening the directory ", quote(directory.native())};
  root_ = std::make_shared<const UniqueFd>(std::move(root));
}

UniqueFd FileService::open(std::string_view path) const {
  path.remove_prefix(1);
  const std::string_view relative = path.empty() ? "." : path;
  return resolver_ == Resolver::kernel ? open_beneath(root_->get(), relative) : walk_beneath(root_->get(), relative);
}

Response FileService::serve(const Request& request, std::string_view path) const {
  if (request.method != Request::Method::get && request.method != Request::Method::head) {
    return Response::error(405, "files can be read only").add("Allow", "GET, HEAD");
  }
  UniqueFd fd = open(path);
  if (!fd) return open_failed(errno, path);
  struct stat found = stat_of(fd.get());
  std::string_view name = path;
  if (S_ISDIR(found.st_mode)) {
    if (!path.ends_with('/')) return redirect_to_directory(request);
    UniqueFd index = open(concat(path, "index.html"));
    if (index) found = stat_of(index.get());
    if (!S_ISREG(found.st_mode)) return list(fd.get(), path);
    fd = std::move(index);
    name = "index.html";
  }
  if (!S_ISREG(found.st_mode)) return Response::error(403, concat(quote(path), " is no file"));
  return respond(std::make_shared<const UniqueFd>(std::move(fd)), found, name);
}

Response file_response(std::shared_ptr<const UniqueFd> file, std::string_view name) {
  const struct stat found = stat_of(file->get());
  return respond(std::move(file), found, name);
}

std::string_view content_type(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const EndingType& one) {
      return equal_ignoring_case(one.ending, name.substr(dot + 1));
    });
    if (found != std::end(kTypes)) return found->type;
  }
  return "application/octet-stream";
}

}  // namespace kiln::http
