#include "http/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <vector>

namespace kiln::http {
namespace {

constexpr int kHow = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kMostSymlinks = 40;  // as the kernel's
constexpr int kTries = 8;

UniqueFd fail(int error_number) {
  errno = error_number;
  return {};
}

UniqueFd ask_kernel(int directory, const std::string& path) {
  open_how how{};
  how.flags = kHow;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kTries; ++i) {
    UniqueFd fd{static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how))};
    // EAGAIN: something was renamed meanwhile, so the kernel cannot tell whether ".." stayed beneath.
    if (fd || errno != EAGAIN) return fd;
  }
  return {};
}

/// The way from the root to where the walk is, as open directories, and what is still to go.
class Walk {
 public:
  Walk(int root, std::string_view path) : root_{root} { push(path); }

  UniqueFd open() {
    while (true) {
      if (ahead_.empty()) return UniqueFd{::openat(here(), ".", kHow)};
      const std::string name = std::move(ahead_.back());
      ahead_.pop_back();
      if (name == "..") {
        if (behind_.empty()) return fail(EXDEV);
        behind_.pop_back();
        continue;
      }
      UniqueFd next{::openat(here(), name.c_str(), kHow | O_NOFOLLOW | (ahead_.empty() ? 0 : O_DIRECTORY))};
      if (!next && (errno == ELOOP || errno == ENOTDIR)) {
        if (!follow(name, errno)) return {};
        continue;
      }
      if (!next || ahead_.empty()) return next;
      behind_.push_back(std::move(next));
    }
  }

 private:
  int here() const { return behind_.empty() ? root_ : behind_.back().get(); }

  /// Puts the components ahead, the first on top. A slash at the end asks for a directory, as "." does.
  void push(std::string_view path) {
    if (path.ends_with('/')) ahead_.emplace_back(".");
    while (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      const std::string_view name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
      if (!name.empty() && name != ".") ahead_.emplace_back(name);
      path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
    }
  }

  bool follow(const std::string& name, int error_number) {
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(here(), name.c_str(), target, sizeof target);
    if (size < 0) {
      errno = error_number;  // it is no symlink, so the first error stands
      return false;
    }
    const std::string_view text{target, static_cast<std::size_t>(size)};
    if (++symlinks_ > kMostSymlinks) {
      errno = ELOOP;
      return false;
    }
    if (text.starts_with('/')) {
      errno = EXDEV;
      return false;
    }
    push(text);
    return true;
  }

  int root_;
  std::vector<UniqueFd> behind_;
  std::vector<std::string> ahead_;
  int symlinks_ = 0;
};

}  // namespace

UniqueFd walk_beneath(int directory, std::string_view path) {
  if (path.starts_with('/')) return fail(EXDEV);
  if (path.size() >= PATH_MAX) return fail(ENAMETOOLONG);
  return Walk{directory, path}.open();
}

UniqueFd open_beneath(int directory, std::string_view path) {
  UniqueFd fd = ask_kernel(directory, std::string{path});
  // Old kernels do not know the call; old container runtimes forbid what they do not know.
  if (!fd && (errno == ENOSYS || errno == EPERM)) return walk_beneath(directory, path);
  return fd;
}

}  // namespace kiln::http
