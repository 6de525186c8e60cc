#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"
#include "http/response.h"

namespace kiln::http {

/// Serves the files below a directory, read-only: the kernel resolves every path beneath it (openat2), so that neither
/// `..` nor a symlink leads out. Symlinks that stay inside are followed. Directories are answered with their index.html
/// or a listing; names that begin with a dot are served but not listed.
class FileService {
 public:
  enum class Resolver {
    kernel,  ///< openat2, where the kernel has it
    walk     ///< component by component, as done on kernels before 5.6; for tests
  };

  /// Throws SysError if the directory cannot be opened.
  explicit FileService(const std::filesystem::path& directory, Resolver resolver = Resolver::kernel);

  /// Answers GET and HEAD for `request.path`; 405 for other methods.
  Response operator()(const Request& request) const { return serve(request, request.path); }
  /// The same for a path below the directory that is not the request's own, "/" first (for a service mounted
  /// elsewhere).
  Response serve(const Request& request, std::string_view path) const;

 private:
  UniqueFd open(std::string_view path) const;

  std::shared_ptr<const UniqueFd> root_;
  Resolver resolver_;
};

/// A regular file as a response, with content type, ETag and modification time: what FileService answers with.
/// `name` decides the content type.
Response file_response(std::shared_ptr<const UniqueFd> file, std::string_view name);

/// By the name's ending; application/octet-stream for those unknown.
std::string_view content_type(std::string_view name);

}  // namespace kiln::http
