#include "metadata/nocloud.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace guest {
namespace {

constexpr std::size_t kMaxUserData = std::size_t{1} << 20;

std::string_view unquoted(std::string_view value) {
  value = trim(value);
  if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
    return value.substr(1, value.size() - 2);
  // In YAML a comment begins with '#' after a blank.
  std::size_t comment = value.find(" #");
  return trim(value.substr(0, comment));
}

void set_value(std::string_view key, std::string_view value, Metadata& metadata) {
  if (value.empty()) return;
  if (key == "local-hostname" || (key == "hostname" && metadata.hostname.empty())) metadata.hostname = value;
  if (key == "instance-id") metadata.files.emplace_back("instance_id", value);
}

bool is_key_list(std::string_view key) { return key == "public-keys" || key == "public_keys"; }

void add_key(std::string_view key, Metadata& metadata) {
  if (!key.empty()) metadata.ssh_keys += std::string{key} + "\n";
}

void read_json(const json::Value& value, Metadata& metadata) {
  for (const json::Member& member : value.members()) {
    set_value(member.name, member.value.text(), metadata);
    if (!is_key_list(member.name)) continue;
    add_key(member.value.text(), metadata);
    for (const std::string& key : member.value.strings()) add_key(key, metadata);
    for (const json::Member& key : member.value.members()) add_key(key.value.text(), metadata);
  }
}

void read_yaml(std::string_view text, Metadata& metadata) {
  bool keys = false;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view content = trim(line);
    if (content.empty() || content[0] == '#') continue;
    if (keys && content.substr(0, 2) == "- ") {
      add_key(unquoted(content.substr(2)), metadata);
      continue;
    }
    if (line[0] == ' ' || line[0] == '\t') continue;  // of a deeper level that is not ours
    keys = false;
    std::size_t colon = content.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view key = unquoted(content.substr(0, colon));
    std::string_view value = unquoted(content.substr(colon + 1));
    set_value(key, value, metadata);
    keys = is_key_list(key);
    if (keys) add_key(value, metadata);
  }
}

std::string field(std::string_view start, std::size_t at, std::size_t size) {
  std::string_view text = start.substr(at, size);
  return std::string{trim(text.substr(0, text.find('\0')))};
}

bool is_nocloud_label(const std::string& label) {
  return ::strcasecmp(label.c_str(), "cidata") == 0 || ::strcasecmp(label.c_str(), "config") == 0;
}

std::string read_start(const std::string& device) {
  UniqueFd fd{::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  std::string start(kLabelBytes, '\0');
  ssize_t got = fd ? ::pread(fd.get(), start.data(), start.size(), 0) : -1;
  start.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return start;
}

struct Candidate {
  std::string device;
  std::string type;
};

std::vector<Candidate> nocloud_devices() {
  std::vector<Candidate> labelled;
  std::vector<Candidate> discs;
  for (const std::string& name : list_directory("/sys/class/block")) {
    if (name.compare(0, 4, "loop") == 0 || name.compare(0, 3, "ram") == 0) continue;
    std::string device = "/dev/" + name;
    std::string type;
    std::string label = filesystem_label(read_start(device), type);
    if (is_nocloud_label(label)) {
      labelled.push_back({device, type});
    } else if (name.compare(0, 2, "sr") == 0 && type == "iso9660") {
      discs.push_back({device, type});
    }
  }
  labelled.insert(labelled.end(), discs.begin(), discs.end());
  return labelled;
}

}  // namespace

void parse_meta_data(std::string_view text, Metadata& metadata) {
  json::Value value;
  if (trim(text).substr(0, 1) == "{" && json::parse(text, value).empty()) return read_json(value, metadata);
  read_yaml(text, metadata);
}

CmdlineMetadata read_cmdline_metadata(const Cmdline& cmdline) {
  CmdlineMetadata found;
  auto value_of = [](std::string_view token, std::string_view key, std::string& value) {
    if (token.substr(0, key.size()) != key) return false;
    value = token.substr(key.size());
    return true;
  };
  for (const std::string& token : cmdline.tokens()) {
    std::string value;
    if (value_of(token, "kiln.metadata=", found.url) || value_of(token, "kiln.hostname=", found.hostname)) continue;
    if (value_of(token, "kiln.ssh_key=", value)) found.ssh_keys += value + "\n";
    if (!value_of(token, "ds=nocloud", value)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      std::size_t end = rest.find(';');
      std::string_view part = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      for (const char* key : {"s=", "seedfrom="}) value_of(part, key, found.url);
      for (const char* key : {"h=", "local-hostname="}) value_of(part, key, found.hostname);
      for (const char* key : {"i=", "instance-id="}) value_of(part, key, found.instance_id);
    }
  }
  return found;
}

bool ask_nocloud(const Url& url, Web& web, Metadata& metadata) {
  metadata = Metadata{};
  metadata.provider = "NoCloud " + url.text();
  std::string text;
  bool found = web.fetch({"GET", below(url, "meta-data"), {}, false}, text);
  if (found) parse_meta_data(text, metadata);
  if (!found && !web.reached()) return false;
  if (web.fetch({"GET", below(url, "user-data"), {}, false}, text)) {
    metadata.user_data = text;
    found = true;
  }
  return found;
}

std::string filesystem_label(std::string_view start, std::string& type) {
  type.clear();
  constexpr std::size_t kVolume = 32768;  // ECMA-119 §8.4, the primary volume descriptor
  if (start.size() >= kVolume + 2048 && start.substr(kVolume, 6) ==
                                            "\x01"
                                            "CD001") {
    type = "iso9660";
    return field(start, kVolume + 40, 32);
  }
  if (start.size() < 512 || start[510] != '\x55' || start[511] != '\xaa') return {};
  for (std::size_t at : {std::size_t{54}, std::size_t{82}}) {  // FAT12 and FAT16, FAT32: BS_FilSysType
    if (start.substr(at, 3) != "FAT") continue;
    type = "vfat";
    return field(start, at - 11, 11);
  }
  return {};
}

bool read_nocloud_directory(const std::string& directory, Metadata& metadata) {
  metadata = Metadata{};
  bool found = false;
  std::string text;
  if (!read_file(directory + "/meta-data", text, kMaxUserData).failed()) {
    parse_meta_data(text, metadata);
    found = true;
  }
  for (const char* name : {"/user-data", "/config"}) {
    if (read_file(directory + name, text, kMaxUserData).failed()) continue;
    metadata.user_data = text;
    return true;
  }
  return found;
}

bool find_nocloud_disk(const std::string& mountpoint, Metadata& metadata) {
  for (const Candidate& candidate : nocloud_devices()) {
    if (make_directories(mountpoint).failed()) return false;
    constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::mount(candidate.device.c_str(), mountpoint.c_str(), candidate.type.c_str(), kFlags, nullptr) != 0) continue;
    bool found = read_nocloud_directory(mountpoint, metadata);
    ::umount2(mountpoint.c_str(), MNT_DETACH);
    if (!found) continue;
    metadata.provider = "CDROM " + candidate.device;
    return true;
  }
  return false;
}

}  // namespace guest
