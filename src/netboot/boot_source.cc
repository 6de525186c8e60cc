#include "netboot/boot_source.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "runtime/check.h"

namespace kiln::netboot {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostYaml = 16 << 20;
constexpr std::size_t kMostCmdline = 64 << 10;
// A package is a few files; a source tree below one is not looked through to its end every second.
constexpr int kMostFilesOfPackage = 1000;

/// What a file is known by: any write, rename or replacement changes it.
std::string stat_text(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return concat(path.native(), " -\n");
  return concat(path.native(), " ", info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec,
                " ", info.st_ctim.tv_sec, ".", info.st_ctim.tv_nsec, "\n");
}

std::string tree_text(const fs::path& path) {
  std::string text = stat_text(path);
  std::error_code error;
  if (!fs::is_directory(path, error)) return text;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator each{path, error}, end; !error && each != end; each.increment(error)) {
    if (files.size() >= kMostFilesOfPackage) break;
    files.push_back(each->path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) text += stat_text(file);
  return text;
}

BootFile open_boot_file(const fs::path& path, std::string name, std::uint64_t size) {
  return {std::move(name), std::make_shared<const UniqueFd>(open_file(path)), size};
}

void set_kernel(BootImage& image, const fs::path& path) {
  StartableKernel kernel = startable_kernel(path.native());
  image.architecture = std::move(kernel.architecture);
  image.built_form = kernel.built_form;
  image.kernel = {"kernel", std::move(kernel.file), kernel.size};
}

void add_segment(BootImage& image, BootFile file) {
  image.initramfs_size += file.size;
  image.initramfs.push_back(std::move(file));
}

Sha256 hash_file(const UniqueFd& fd, const fs::path& path) {
  struct Discard final : Sink {
    void write(Bytes) override {}
  } discard;
  HashingSink hashing{discard};
  FdSource source{fd.get(), path.native()};
  copy(source, hashing);
  return hashing.finish();
}

}  // namespace

YamlSource::YamlSource(std::string file, oci::Platform platform, build::Options options, BuildTools tools)
    : file_{std::move(file)}, platform_{std::move(platform)}, options_{options}, tools_{std::move(tools)} {}

std::string YamlSource::state() const {
  std::string text = stat_text(file_);
  const std::vector<fs::path> inputs = *inputs_.lock();
  for (const fs::path& input : inputs) text += tree_text(input);
  return text;
}

config::System YamlSource::read_configuration(std::vector<fs::path>& inputs) const {
  const fs::path parent = fs::path{file_}.parent_path();
  const config::Input input{file_, read_file(file_, kMostYaml), parent.empty() ? "." : parent.native()};
  const config::PackageResolver resolver = [&](std::string_view scheme, std::string_view rest,
                                               std::string_view directory) {
    if (scheme == "pkg") inputs.push_back(fs::path{directory} / rest);
    return tools_.resolve_package(scheme, rest, directory);
  };
  return config::load({input}, resolver, runtime::check_options);
}

std::shared_ptr<const BootImage> YamlSource::load() {
  std::vector<fs::path> inputs;
  // What fails for one of them is tried again when that changes.
  const auto remember = [&] { *inputs_.lock() = inputs; };
  config::System system;
  try {
    system = read_configuration(inputs);
  } catch (const Error&) {
    if (!inputs.empty()) remember();
    throw;
  }
  remember();
  const build::ResolvedSystem resolved = build::resolve(system, platform_, tools_.fetch, tools_.pool);
  for (const build::ResolvedFile& file : resolved.files) {
    if (file.source) inputs.emplace_back(file.source->path);
  }
  remember();
  build::Build build{resolved, tools_.store, options_, tools_.reporter};
  const build::BootSet set = build.boot_set_to_load();
  if (!set.kernel) {
    throw Error{quote(file_), " has no kernel"}.with_hint(
        "add a 'kernel:' section: there is nothing to boot without one");
  }
  auto image = std::make_shared<BootImage>();
  set_kernel(*image, set.kernel->path);
  if (image->architecture != platform_.architecture) {
    throw Error{quote(file_), ": built for ", platform_.architecture, ", but its kernel is for ", image->architecture};
  }
  image->cmdline = set.cmdline;
  image->root_size = set.content_size;
  if (set.ucode) add_segment(*image, open_boot_file(set.ucode->path, "ucode", set.ucode->size));
  for (const build::SegmentFile& segment : set.segments) {
    add_segment(*image, open_boot_file(segment.path, segment.path.filename().native(), segment.size));
  }
  image->id = image_id(*image, set.kernel->path.filename().native());
  build.prune();
  return image;
}

std::string NamedSource::state() const {
  return stat_text(name_ + "-kernel") + stat_text(name_ + "-initrd.img") + stat_text(name_ + "-cmdline");
}

std::shared_ptr<const BootImage> NamedSource::load() {
  const fs::path kernel = name_ + "-kernel";
  const fs::path initrd = name_ + "-initrd.img";
  const fs::path cmdline = name_ + "-cmdline";
  std::string missing;
  for (const fs::path& file : {kernel, initrd}) {
    if (!fs::is_regular_file(file)) missing += concat(missing.empty() ? "" : ", ", quote(file.native()));
  }
  if (!missing.empty()) {
    throw Error{"nothing to boot under ", quote(name_), ": missing ", missing}.with_hint(
        concat("'kiln build ", name_, ".yml' writes them; a YAML file can be served as it is: kiln serve --pxe ", name_,
               ".yml"));
  }
  auto image = std::make_shared<BootImage>();
  set_kernel(*image, kernel);
  if (fs::exists(cmdline)) image->cmdline = read_file(cmdline, kMostCmdline);
  auto file = std::make_shared<const UniqueFd>(open_file(initrd));
  const std::string digest = hash_file(*file, initrd).hex();
  add_segment(*image, {digest, file, fs::file_size(initrd)});
  // `kiln build` puts the three in place one after the other: a kernel that is replaced with all else the same is
  // another.
  image->id = image_id(*image, hash_file(open_file(kernel), kernel).hex());
  return image;
}

std::shared_ptr<const BootImage> boot_image_of(const publish::BootParts& parts) {
  auto image = std::make_shared<BootImage>();
  set_kernel(*image, parts.kernel.path);
  image->cmdline = parts.cmdline;
  image->root_size = parts.root_size;
  for (const publish::FilePart& part : parts.initramfs) {
    add_segment(*image, open_boot_file(part.path, part.path.filename().native(), part.size));
  }
  image->id = image_id(*image, parts.kernel.path.filename().native());
  return image;
}

}  // namespace kiln::netboot
