#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "build/plan.h"
#include "tree/merge.h"

// What make_plan() and make_linuxkit_stream() have in common: where the files of a build come from and what they hold.
namespace kiln::build {

// Files that every image's tree has, whatever the image says (spec layout.md §3.3).
inline constexpr std::string_view kHosts =
    "127.0.0.1       localhost\n"
    "::1     localhost ip6-localhost ip6-loopback\n"
    "fe00::0 ip6-localnet\n"
    "ff00::0 ip6-mcastprefix\n"
    "ff02::1 ip6-allnodes\n"
    "ff02::2 ip6-allrouters\n";
inline constexpr std::string_view kNoResolver = "\n# no resolv.conf configured\n";
inline constexpr std::string_view kResolverLink = "/run/resolvconf/resolv.conf";
inline constexpr std::string_view kMounts = "/proc/mounts";

/// What an image is unpacked for: only a container's resolv.conf is a file.
enum class Role { init, volume, container };

/// Names that belong to the build of an image or to a running container, not to its tree.
bool is_dropped(std::string_view path);

/// An image's layers merged. Errors name the image.
std::vector<tree::Node> merge_image(const Layers& layers, std::span<const std::uint32_t> numbers,
                                    const oci::Image& image);

/// The file a node stands for; of a hard link what it is linked to.
Entry entry_of(const tree::Node& node, std::span<const std::uint32_t> layers);

/// The files of a kernel image that count (spec layout.md §4).
struct KernelFiles {
  Entry kernel;
  std::optional<Entry> ucode, tar;
};
/// `nodes` as merge_image() returned them. Throws Error for what the configuration wants and the image lacks.
KernelFiles find_kernel_files(const ResolvedKernel& kernel, std::span<const tree::Node> nodes,
                              std::span<const std::uint32_t> layers);

/// An element of `files:`, and the directories that lead to it: with an execute bit for whoever has any right (§8).
Generated generated_file(const ResolvedFile& file);
Generated generated_parent(const ResolvedFile& file);

Generated generated_volume_file(const VolumeFile& file, const oci::Store& store);

/// The entries of a part of an earlier build, as they stand in its tar.
std::vector<Entry> reused_entries(const ReusedPart& part, Plan& plan);
/// The same as files of a tree: of each path the last, hard links as what they link to, boot files included.
std::vector<Entry> reused_files(const ReusedPart& part, Plan& plan);

inline std::string_view without_slash(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

/// What the apk databases of several init images become (§5.1).
Generated merged_apk_database(const Plan& plan, std::span<const Entry> databases);
inline constexpr std::string_view kApkDatabase = "lib/apk/db/installed";

}  // namespace kiln::build
