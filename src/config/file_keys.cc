// One element of `files` (spec yaml.md §6).
#include <charconv>

#include "config/document.h"

namespace kiln::config {
namespace {

/// An element as it stands in the YAML.
struct FileEntry {
  std::string path, symlink, source, metadata, mode;
  std::optional<std::string> contents;
  bool directory = false, optional = false;
  std::optional<Id> uid, gid;
};

constexpr Key<FileEntry> kFileKeys[] = {
    key<&FileEntry::path>("path"),         key<&FileEntry::directory>("directory"),
    key<&FileEntry::symlink>("symlink"),   key<&FileEntry::contents>("contents"),
    key<&FileEntry::source>("source"),     key<&FileEntry::metadata>("metadata"),
    key<&FileEntry::optional>("optional"), key<&FileEntry::mode>("mode"),
    key<&FileEntry::uid>("uid"),           key<&FileEntry::gid>("gid"),
};

/// The node a mistake is about: the key's value, or the whole element if the key is not there.
const Node& at(const Node& node, std::string_view key) {
  const Node* value = node.find(key);
  return value ? *value : node;
}

bool leaves_root(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return false;
}

void read_path(Decoder& decoder, const Place& place, const Node& node, const FileEntry& entry, File& out) {
  out.path = entry.path.starts_with('/') ? entry.path.substr(1) : entry.path;
  const Node* value = node.find("path");
  if (value && value->kind != Node::Kind::string) return;  // already told
  if (out.path.empty()) decoder.error(at(node, "path"), concat(place.to_string(), ": did not specify path for file"));
  if (leaves_root(out.path)) {
    decoder.error(at(node, "path"), concat(place.to_string(), ": path ", quote(entry.path), " has a component '..'"));
  }
  if (out.path.find('\0') != std::string::npos)
    decoder.error(at(node, "path"), concat(place.to_string(), ": path ", quote(entry.path), " has a NUL in it"));
}

void read_mode(Decoder& decoder, const Place& place, const Node& node, const FileEntry& entry, File& out) {
  out.mode = entry.directory ? 0700 : 0600;
  if (entry.mode.empty()) return;
  const char* end = entry.mode.data() + entry.mode.size();
  const auto [stop, error] = std::from_chars(entry.mode.data(), end, out.mode, 8);
  if (error == std::errc{} && stop == end && out.mode <= 07777) return;
  decoder.error(
      at(node, "mode"),
      concat(place.to_string(), ": cannot parse file mode as octal value: expected digits 0 to 7 up to 7777, got ",
             quote(entry.mode)));
}

/// Exactly one kind must be given; `directory` wins over nothing, a symlink over contents, as in LinuxKit.
void read_kind(Decoder& decoder, const Place& place, const Node& node, const FileEntry& entry, File& out) {
  const auto fail = [&](std::string_view key, std::string_view message) {
    decoder.error(at(node, key), concat(place.to_string(), ": ", message));
  };
  const bool linked = !entry.symlink.empty();
  if (!entry.directory && !linked && !entry.contents) {
    out.kind = entry.metadata.empty() ? File::Kind::regular : File::Kind::metadata;
    if (entry.source.empty() && entry.metadata.empty())
      return decoder.error(node, concat(place.to_string(), ": contents of file (", entry.path, ") not specified"),
                           "give one of contents, source, symlink, directory and metadata");
    if (!entry.source.empty() && !entry.metadata.empty())
      return fail("metadata", concat("specified Source and Metadata for file: ", entry.path));
    if (!entry.metadata.empty() && entry.metadata != "yaml" && entry.metadata != "json")
      return fail("metadata", concat("unsupported metadata type ", quote(entry.metadata), ": expected yaml or json"));
    return;
  }
  out.kind = entry.directory ? File::Kind::directory : linked ? File::Kind::symlink : File::Kind::regular;
  if (!entry.metadata.empty()) fail("metadata", concat("specified Contents and Metadata for file: ", entry.path));
  if (!entry.source.empty()) fail("source", concat("specified Contents and Source for file: ", entry.path));
  if (entry.directory && entry.contents) fail("contents", "directory with contents not allowed");
  if (entry.directory && linked) fail("symlink", "a directory cannot be a symlink as well");
}

}  // namespace

template <>
std::span<const Key<FileEntry>> keys_of<FileEntry>() {
  return kFileKeys;
}

void decode_file(Decoder& decoder, const Place& place, const Node& node, File& out) {
  FileEntry entry;
  if (node.kind != Node::Kind::mapping) return decoder.wrong_type(place, node, "a mapping");
  decode_entries(decoder, place, node, entry);
  out.where = decoder.position(node);
  read_path(decoder, place, node, entry, out);
  read_mode(decoder, place, node, entry, out);
  read_kind(decoder, place, node, entry, out);
  out.contents = entry.contents;
  out.source = entry.source;
  out.symlink = entry.symlink;
  out.metadata = entry.metadata;
  out.optional = entry.optional;
  out.uid = entry.uid.value_or(0U);
  out.gid = entry.gid.value_or(0U);
  out.written = {entry.path, entry.mode, entry.uid, entry.gid};
}

}  // namespace kiln::config
