#include "publish/ipxe_set.h"

#include "archive/initramfs.h"
#include "base/error.h"
#include "base/human.h"
#include "publish/boot_kernel.h"

namespace kiln::publish {
namespace {

/// One file for all segments; the file itself if it is one and stays as it is.
FilePart join_initramfs(const BootParts& parts, bool unpack, const std::filesystem::path& scratch) {
  if (parts.initramfs.size() == 1 && !unpack) return parts.initramfs.front();
  AtomicFile joined{scratch / "initrd"};
  const std::uint64_t size = write_initramfs(parts, joined);
  joined.commit();
  if (!unpack) return {joined.path(), size, false};
  const UniqueFd fd = open_file(joined.path());
  FdSource source{fd.get(), joined.path().native()};
  AtomicFile plain{scratch / "initrd.plain"};
  const std::uint64_t plain_size = copy(*archive::unpack_initramfs(source, "initramfs"), plain.sink());
  plain.commit();
  return {plain.path(), plain_size, false};
}

class Sender {
 public:
  Sender(Destination& destination, Reporter& reporter) : destination_{destination}, reporter_{reporter} {}

  void send(const std::string& name, const FilePart& part) {
    const std::string location = destination_.location(name);
    const auto activity = reporter_.start("publish", location, part.size);
    const UniqueFd fd = open_file(part.path);
    destination_.put(name, fd.get(), part.size);
    activity->advance(part.size);
    activity->finish(human_size(part.size));
    published_.push_back({location, part.size});
  }
  std::vector<PublishedFile> finish() {
    destination_.finish();
    return std::move(published_);
  }

 private:
  Destination& destination_;
  Reporter& reporter_;
  std::vector<PublishedFile> published_;
};

void check_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    throw Error{"file name ", quote(name), ": expected one without slashes"};
  }
}

}  // namespace

std::string go_architecture(const std::string& name) {
  if (name == "x86_64") return "amd64";
  if (name == "aarch64") return "arm64";
  return name;
}

void check_architecture(const std::string& kernel, const std::string& asked) {
  if (asked.empty() || asked == kernel) return;
  throw Error{"the kernel is for ", kernel, ", not for ", asked, ", which was asked for"}.with_hint(
      concat("build it with --arch ", asked, ", or leave --arch out: it is seen from the kernel"));
}

std::vector<PublishedFile> publish_ipxe_set(const BootParts& parts, const IpxeSetOptions& options,
                                            Destination& destination, const std::filesystem::path& scratch,
                                            Reporter& reporter) {
  for (const std::string& name : {options.names.kernel, options.names.initrd, options.names.script}) check_name(name);
  const BootKernel kernel = make_boot_kernel(parts.kernel.path, scratch);
  check_architecture(kernel.architecture, go_architecture(options.architecture));
  const std::string script = options.script(kernel.architecture);
  const std::filesystem::path script_file = scratch / "script";
  write_file(script_file, script);
  const FilePart initramfs = join_initramfs(parts, options.unpack_initramfs, scratch);

  Sender sender{destination, reporter};
  sender.send(options.names.kernel, {kernel.path, kernel.size, false});
  sender.send(options.names.initrd, initramfs);
  sender.send(options.names.script, {script_file, script.size(), false});
  return sender.finish();
}

}  // namespace kiln::publish
