// kmsg: the kernel's messages, from those of the boot on, to standard error.
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "applets/applets.h"
#include "applets/kmsg_record.h"
#include "base/errno.h"
#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace guest {

int kmsg_main(int, char**) {
  StderrLog log;
  UniqueFd fd{::open("/dev/kmsg", O_RDONLY | O_CLOEXEC)};
  if (!fd) {
    log.line(format("kmsg: opening '/dev/kmsg': %s", Errno::last().text()));
    return 1;
  }
  std::string record(8192, '\0');  // the kernel's own limit
  while (true) {
    ssize_t got = ::read(fd.get(), record.data(), record.size());
    // EPIPE: messages were overwritten before we came to read them; the next read goes on with the oldest that is left.
    if (got < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (got < 0) {
      log.line(format("kmsg: reading '/dev/kmsg': %s", Errno::last().text()));
      return 1;
    }
    std::string line = kmsg_line(std::string_view{record}.substr(0, static_cast<std::size_t>(got)));
    if (!line.empty()) log.line(line);
  }
}

}  // namespace guest
