#include "format/format.h"

#include "base/error.h"

namespace kiln::format {

const std::vector<Format>& formats() {
  static const std::vector<Format> kFormats = {
      {"docker", "NAME.docker, the root tree and a Dockerfile: a build context", write_docker},
      {"kernel+initrd", "NAME-kernel, NAME-initrd.img and NAME-cmdline", write_kernel_initrd},
      {"bzimage+initrd", "the same with NAME-bzImage, as moby named it until May 2017", write_bzimage_initrd},
      {"tar", "NAME.tar, the root tree with /boot", write_tar},
      {"tar-kernel-initrd", "NAME-initrd.tar of kernel, initrd.img, cmdline and ucode.cpio", write_tar_kernel_initrd},
  };
  return kFormats;
}

std::string format_names() {
  std::string all;
  for (const Format& format : formats()) all += concat(all.empty() ? "" : ", ", format.name);
  return all;
}

const Format& format_by_name(std::string_view name) {
  for (const Format& format : formats()) {
    if (name == format.name) return format;
  }
  throw Error{"unknown format ", quote(name), ": expected one of ", format_names()};
}

}  // namespace kiln::format
