#include "package/deb_file.h"

#include <sys/stat.h>

#include <array>
#include <memory>

#include "base/error.h"
#include "base/mapping.h"
#include "package/libarchive.h"

namespace kiln::package {
namespace {

constexpr std::uint64_t kLargestElf = std::uint64_t{512} << 20;
constexpr std::size_t kMostEntries = 1'000'000;

struct ArchiveFree {
  void operator()(struct archive* archive) const { libarchive().read_free(archive); }
};
using ArchivePtr = std::unique_ptr<struct archive, ArchiveFree>;

[[noreturn]] void fail(struct archive* archive, const std::string& name) {
  const char* reason = libarchive().error_string(archive);
  throw Error{"Debian package ", quote(name), " is damaged: ", reason == nullptr ? "unknown format" : reason};
}

/// Moves to the next entry; false at the end.
bool next(struct archive* archive, struct archive_entry** entry, const std::string& name) {
  const int result = libarchive().read_next_header(archive, entry);
  if (result == ARCHIVE_EOF) return false;
  if (result < ARCHIVE_WARN) fail(archive, name);
  return true;
}

class EntrySource final : public Source {
 public:
  EntrySource(struct archive* archive, const std::string& name) : archive_{archive}, name_{name} {}
  std::size_t read(MutableBytes into) override {
    const la_ssize_t size = libarchive().read_data(archive_, into.data(), into.size());
    if (size < 0) fail(archive_, name_);
    return static_cast<std::size_t>(size);
  }

 private:
  struct archive* archive_;
  const std::string& name_;
};

/// The two archives, one in the other: the ar of the .deb, positioned at data.tar, and the tar read from it.
class DataTar {
 public:
  DataTar(Bytes deb, std::string name)
      : name_{std::move(name)}, outer_{libarchive().read_new()}, inner_{libarchive().read_new()} {
    libarchive().read_support_format_ar(outer_.get());
    if (libarchive().read_open_memory(outer_.get(), deb.data(), deb.size()) != ARCHIVE_OK) fail(outer_.get(), name_);
    find_data();
    libarchive().read_support_format_tar(inner_.get());
    libarchive().read_support_filter_xz(inner_.get());
    libarchive().read_support_filter_gzip(inner_.get());
    libarchive().read_support_filter_zstd(inner_.get());
    if (libarchive().read_open(inner_.get(), this, nullptr, &DataTar::read_outer, nullptr) != ARCHIVE_OK) {
      fail(inner_.get(), name_);
    }
  }

  struct archive* get() const {
    return inner_.get();
  }
  const std::string& name() const { return name_; }

 private:
  void find_data() {
    struct archive_entry* entry = nullptr;
    while (next(outer_.get(), &entry, name_)) {
      const char* path = libarchive().entry_pathname(entry);
      if (path != nullptr && std::string_view{path}.starts_with("data.tar")) return;
    }
    throw Error{"Debian package ", quote(name_), " is damaged: it has no data.tar"};
  }

  static la_ssize_t read_outer(struct archive* inner, void* self_pointer, const void** block) {
    auto* self = static_cast<DataTar*>(self_pointer);
    *block = self->buffer_.data();
    const la_ssize_t size = libarchive().read_data(self->outer_.get(), self->buffer_.data(), self->buffer_.size());
    if (size < 0) libarchive().set_error(inner, EIO, "%s", libarchive().error_string(self->outer_.get()));
    return size < 0 ? -1 : size;
  }

  std::string name_;
  ArchivePtr outer_, inner_;
  std::array<std::byte, 64 << 10> buffer_;
};

DebEntry::Kind kind_of(struct archive_entry* entry, const std::string& path, const std::string& name) {
  if (libarchive().entry_hardlink(entry) != nullptr) return DebEntry::Kind::hard_link;
  switch (libarchive().entry_filetype(entry)) {
    case AE_IFREG:
      return DebEntry::Kind::regular;
    case AE_IFLNK:
      return DebEntry::Kind::symlink;
    case AE_IFDIR:
      return DebEntry::Kind::directory;
    default:
      throw Error{"Debian package ", quote(name), ": ", quote(path), " is neither a file, a directory nor a link"};
  }
}

DebEntry to_entry(struct archive_entry* entry, const std::string& name) {
  const char* path = libarchive().entry_pathname(entry);
  if (path == nullptr) throw Error{"Debian package ", quote(name), " is damaged: an entry has no name"};
  DebEntry out;
  out.path = canonical_path(path);
  out.kind = kind_of(entry, out.path, name);
  out.mode = static_cast<std::uint32_t>(libarchive().entry_perm(entry));
  out.uid = static_cast<std::uint32_t>(libarchive().entry_uid(entry));
  out.gid = static_cast<std::uint32_t>(libarchive().entry_gid(entry));
  out.mtime = libarchive().entry_mtime(entry);
  if (out.kind == DebEntry::Kind::regular) out.size = static_cast<std::uint64_t>(libarchive().entry_size(entry));
  if (out.kind == DebEntry::Kind::hard_link) out.link = canonical_path(libarchive().entry_hardlink(entry));
  const char* target = libarchive().entry_symlink(entry);
  if (out.kind == DebEntry::Kind::symlink) out.link = target == nullptr ? "" : target;
  return out;
}

/// Fills in the linkage if the content that follows is an ELF file.
void add_linkage(DebEntry& entry, Source& content) {
  std::array<std::byte, 4> magic{};
  if (entry.size < 64 || read_full(content, magic) < magic.size() || as_text(magic) != "\177ELF") return;
  if (entry.size > kLargestElf) throw Error{quote(entry.path), ": ", entry.size, " bytes are too many for a program"};
  std::string file{as_text(magic)};
  StringSink rest;
  copy(content, rest);
  file += rest.text();
  try {
    entry.linkage = read_elf_linkage(as_bytes(file));
  } catch (const Error& error) {
    throw error.within(quote(entry.path));
  }
}

template <typename Visit>
void for_each_entry(Bytes deb, const std::string& name, const Visit& visit) {
  // Heap: the buffer within is too large for the stacks of threads that a caller may have.
  const auto tar = std::make_unique<DataTar>(deb, name);
  struct archive_entry* entry = nullptr;
  for (std::size_t count = 0; next(tar->get(), &entry, name); ++count) {
    if (count == kMostEntries) throw Error{"Debian package ", quote(name), ": more than ", kMostEntries, " files"};
    DebEntry file = to_entry(entry, name);
    EntrySource content{tar->get(), name};
    visit(file, content);
  }
}

}  // namespace

std::string canonical_path(std::string_view given) {
  std::string out;
  std::string_view path = given;
  for (bool first = true; !path.empty();) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") throw Error{"path ", quote(given), " leaves its directory"};
    const bool merged = part == "bin" || part == "sbin" || part == "lib" || part == "lib64" || part == "lib32";
    if (first && merged) out += "/usr";
    first = false;
    out += concat("/", part);
  }
  return out.empty() ? "/" : out;
}

std::vector<DebEntry> list_deb(Bytes deb, const std::string& name) {
  std::vector<DebEntry> entries;
  for_each_entry(deb, name, [&](DebEntry& entry, Source& content) {
    if (entry.kind == DebEntry::Kind::regular) add_linkage(entry, content);
    entries.push_back(std::move(entry));
  });
  return entries;
}

std::vector<DebEntry> DebFile::list() const { return list_deb(Mapping{path_}.bytes(), path_.filename().string()); }

void DebFile::read(const std::function<bool(const DebEntry&)>& want,
                   const std::function<void(const DebEntry&, Source&)>& take) const {
  const Mapping mapping{path_};
  for_each_entry(mapping.bytes(), path_.filename().string(), [&](const DebEntry& entry, Source& content) {
    if (entry.kind == DebEntry::Kind::regular && want(entry)) take(entry, content);
  });
}

}  // namespace kiln::package
