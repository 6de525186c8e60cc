#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "boot/cmdline.h"
#include "metadata/metadata.h"

namespace guest {

/// Reads cloud-init's `meta-data`: JSON, or the part of YAML it is written in: `key: value` lines, the keys as a list
/// below `public-keys:`. What is not understood is left out.
void parse_meta_data(std::string_view text, Metadata& metadata);

/// What the kernel command line says about metadata:
///
///     kiln.metadata=URL                    ask URL/meta-data and URL/user-data
///     ds=nocloud;s=URL;h=HOSTNAME;i=ID     the same, as cloud-init has it (nocloud-net, seedfrom=, local-hostname=,
///     instance-id=) kiln.hostname=NAME                   whatever another source says "kiln.ssh_key=KEY" besides the
///     keys of another source; may be repeated
struct CmdlineMetadata {
  std::string url;
  std::string hostname;
  std::string instance_id;
  std::string ssh_keys;
};
CmdlineMetadata read_cmdline_metadata(const Cmdline& cmdline);

/// Asks URL/meta-data and URL/user-data. False if neither is there.
bool ask_nocloud(const Url& url, Web& web, Metadata& metadata);

/// The label of an ISO 9660 or FAT file system, from its first bytes; `type` is its name for mount(2). Empty if it is
/// neither, or has no label.
std::string filesystem_label(std::string_view start, std::string& type);
/// So many bytes filesystem_label wants to see.
inline constexpr std::size_t kLabelBytes = 32768 + 2048;

/// Reads the files of a NoCloud disk that is mounted at `directory`; `user-data`, or LinuxKit's `config`. False if
/// there are none.
bool read_nocloud_directory(const std::string& directory, Metadata& metadata);

/// Looks for such a disk among all block devices: first by the labels `cidata` and `config`, then any disc in a drive
/// (/dev/sr*), and mounts it read-only at `mountpoint` for as long as it is read.
bool find_nocloud_disk(const std::string& mountpoint, Metadata& metadata);

}  // namespace guest
