#include "oci/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/error.h"
#include "base/lock_file.h"
#include "oci/json.h"
#include "oci/layout_index.h"
#include "oci/manifest.h"

#include <nlohmann/json.hpp>

namespace kiln::oci {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 16 << 20;      // manifests and configs; distribution-spec asks for at least 4 MiB
constexpr std::size_t kMaxIndex = 256 << 20;    // index.json grows with the number of names
constexpr std::uint64_t kFlushEvery = 8 << 20;  // see Writer::write
constexpr char kLayout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// What a store may hold before it has its oci-layout file: our own names (a crash while creating it) and LinuxKit's;
/// and that file too: another process may have made it since we looked.
bool may_become_store(const fs::path& directory) {
  static const std::set<std::string> kOurs = {"blobs", "index.json", "kiln", ".lock", "ingest", "oci-layout"};
  return std::all_of(fs::directory_iterator{directory}, fs::directory_iterator{}, [](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename();
    return kOurs.contains(name) || name.ends_with(".tmp");
  });
}

void check_layout(const fs::path& path) {
  const std::string name = quote(path.native());
  const nlohmann::json parsed = parse_json(read_file(path, 65536), name);
  const std::string version = JsonView{parsed, name}.required("imageLayoutVersion").text();
  if (!version.starts_with("1.")) throw Error{name, ": the layout has version ", quote(version), ", expected 1.0.0"};
}

void create_layout(const fs::path& directory) {
  if (!may_become_store(directory)) {
    throw Error{"store ", quote(directory.native()), ": the directory has other files and no 'oci-layout'"}.with_hint(
        "choose an empty directory, or one that holds an OCI image layout");
  }
  const LockFile lock{directory / ".lock", LockFile::Mode::exclusive};
  if (is_there(directory / "oci-layout")) return;
  if (!is_there(directory / "index.json")) {
    write_file(directory / "index.json", LayoutIndex{}.to_json(), AtomicFile::Durability::power);
  }
  write_file(directory / "oci-layout", kLayout, AtomicFile::Durability::power);  // last: it makes it a store
}

/// Size of a regular file, or nothing.
std::optional<std::uint64_t> regular_size(const fs::path& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

Sha256 hash_file(const fs::path& path) {
  const UniqueFd fd = open_file(path);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  FdSource source{fd.get(), path.native()};
  struct Hash final : Sink {
    void write(Bytes data) override { hasher.update(data); }
    Sha256Hasher hasher;
  } hash;
  copy(source, hash);
  return hash.hasher.finish();
}

std::string damaged_hint(const fs::path& path) {
  return concat("the stored blob is damaged; remove ", quote(path.native()), " and pull the image again");
}

/// Walks everything reachable from the names, each blob once.
class Verifier {
 public:
  explicit Verifier(const Store& store) : store_{store} {}

  void visit_name(const std::string& name, const Descriptor& descriptor) {
    visit(descriptor, concat(quote(name), ": "));
  }
  std::vector<std::string> take() { return std::move(findings_); }

 private:
  void visit(const Descriptor& descriptor, const std::string& where) {
    if (!seen_.insert(descriptor.digest).second || !check(descriptor, where)) return;
    try {
      if (is_index(descriptor.media_type)) visit_index(descriptor, where);
      if (is_manifest(descriptor.media_type)) visit_manifest(descriptor, where);
    } catch (const Error& error) {
      findings_.push_back(where + error.message());
    }
  }

  void visit_index(const Descriptor& descriptor, const std::string& where) {
    const Index index = parse_index(store_.read(descriptor), concat("index ", descriptor.digest.to_string()));
    for (const Descriptor& entry : index.manifests) {
      // Platforms nobody asked for were never fetched.
      if (is_there(store_.blob_path(entry.digest))) visit(entry, where);
    }
  }

  void visit_manifest(const Descriptor& descriptor, const std::string& where) {
    const Manifest manifest =
        parse_manifest(store_.read(descriptor), concat("manifest ", descriptor.digest.to_string()));
    visit(manifest.config, concat(where, "config: "));
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
      visit(manifest.layers[i], concat(where, "layer ", i + 1, " of ", manifest.layers.size(), ": "));
    }
  }

  bool check(const Descriptor& descriptor, const std::string& where) {
    const std::string blob = concat(where, "blob ", descriptor.digest.to_string());
    const auto size = regular_size(store_.blob_path(descriptor.digest));
    if (!size) {
      findings_.push_back(blob + " is missing");
    } else if (*size != descriptor.size) {
      findings_.push_back(concat(blob, " has ", *size, " bytes, expected ", descriptor.size));
    } else if (const Digest digest{hash_file(store_.blob_path(descriptor.digest))}; digest != descriptor.digest) {
      findings_.push_back(concat(blob, " has the content of ", digest.to_string()));
    } else {
      return true;
    }
    return false;
  }

  const Store& store_;
  std::set<Digest> seen_;
  std::vector<std::string> findings_;
};

}  // namespace

/// The index as it was last read, and what it was read from: whoever looks up many names parses it once.
struct Store::Parsed {
  std::string text;
  std::shared_ptr<const LayoutIndex> index;
};

Store::~Store() = default;
Store::Store(Store&&) noexcept = default;

Store::Store(fs::path directory) : directory_{std::move(directory)}, parsed_{std::make_unique<Guarded<Parsed>>()} {
  directory_ = fs::absolute(directory_);
  try {
    make_directories(directory_ / "blobs" / "sha256");
    if (is_there(directory_ / "oci-layout")) {
      check_layout(directory_ / "oci-layout");
    } else {
      create_layout(directory_);
    }
    AtomicFile::remove_stale(derived_directory("incoming"));
    AtomicFile::remove_stale(directory_);
  } catch (const Error& error) {
    throw error.within("opening the image store");
  }
}

fs::path Store::derived_directory(std::string_view name) const {
  fs::path path = directory_ / "kiln" / name;
  if (!is_there(path)) make_directories(path);
  return path;
}

/// Under a shared lock, as LinuxKit rewrites the file in place; without one where the store is read-only.
std::string Store::read_index() const {
  std::optional<LockFile> lock;
  try {
    lock.emplace(lock_path(), LockFile::Mode::shared);
  } catch (const SysError& error) {
    if (error.error_number() != EROFS && error.error_number() != EACCES && error.error_number() != EPERM) throw;
  }
  return is_there(index_path()) ? read_file(index_path(), kMaxIndex) : LayoutIndex{}.to_json();
}

std::shared_ptr<const LayoutIndex> Store::index() const {
  std::string text = read_index();
  const auto parsed = parsed_->lock();
  if (!parsed->index || parsed->text != text) {
    parsed->index = std::make_shared<const LayoutIndex>(text, quote(index_path().native()));
    parsed->text = std::move(text);
  }
  return parsed->index;
}

std::optional<Descriptor> Store::find(std::string_view name) const { return index()->find(name); }

std::vector<std::pair<std::string, Descriptor>> Store::names() const { return index()->names(); }

void Store::change_index(const std::function<bool(LayoutIndex&)>& change) {
  const LockFile lock{lock_path(), LockFile::Mode::exclusive};
  LayoutIndex index;
  if (is_there(index_path())) index = LayoutIndex{read_file(index_path(), kMaxIndex), quote(index_path().native())};
  if (change(index)) write_file(index_path(), index.to_json(), AtomicFile::Durability::power);
}

void Store::set(std::string_view name, const Descriptor& descriptor) {
  change_index([&](LayoutIndex& index) {
    index.set(name, descriptor);
    return true;
  });
}

bool Store::remove(std::string_view name) {
  bool removed = false;
  change_index([&](LayoutIndex& index) { return removed = index.remove(name); });
  return removed;
}

bool Store::has(const Descriptor& descriptor) const {
  return regular_size(blob_path(descriptor.digest)) == descriptor.size;
}

fs::path Store::blob_path(const Digest& digest) const { return directory_ / "blobs" / "sha256" / digest.hex(); }

UniqueFd Store::open(const Descriptor& descriptor) const {
  const fs::path path = blob_path(descriptor.digest);
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) {
    throw SysError{errno, "opening blob ", descriptor.digest.to_string(), " of store ", quote(directory_.native())}
        .with_hint("pull the image again");
  }
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) throw SysError{errno, "reading ", quote(path.native())};
  if (static_cast<std::uint64_t>(status.st_size) != descriptor.size) {
    throw Error{"blob ",        descriptor.digest.to_string(), ": it has ",
                status.st_size, " bytes, expected ",           descriptor.size}
        .with_hint(damaged_hint(path));
  }
  return fd;
}

std::string Store::read(const Descriptor& descriptor) const {
  if (descriptor.size > kMaxText) {
    throw Error{"blob ",         descriptor.digest.to_string(),  ": it has ",
                descriptor.size, " bytes, a document may have ", kMaxText};
  }
  const UniqueFd fd = open(descriptor);
  FdSource source{fd.get(), blob_path(descriptor.digest).native()};
  std::string text = read_text(source, kMaxText, blob_path(descriptor.digest).native());
  const Digest digest = Digest::of(text);
  if (digest != descriptor.digest) {
    throw Error{"blob in the store: digest is ", digest.to_string(), ", expected ", descriptor.digest.to_string()}
        .with_hint(damaged_hint(blob_path(descriptor.digest)));
  }
  return text;
}

Descriptor Store::put(std::string_view content, std::string_view media_type) {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = Digest::of(content);
  descriptor.size = content.size();
  if (has(descriptor)) return descriptor;
  Writer writer = write();
  writer.write(as_bytes(content));
  writer.commit(descriptor);
  return descriptor;
}

Store::Writer Store::write() const { return Writer{*this}; }

std::vector<std::string> Store::verify() const {
  Verifier verifier{*this};
  for (const auto& [name, descriptor] : names()) verifier.visit_name(name, descriptor);
  return verifier.take();
}

Store::Writer::Writer(const Store& store)
    : blobs_{store.directory_ / "blobs" / "sha256"},
      file_{store.derived_directory("incoming") / "blob", AtomicFile::Durability::power} {}

void Store::Writer::write(Bytes data) {
  hasher_.update(data);
  file_.sink().write(data);
  size_ += data.size();
  if (size_ - flushed_ >= kFlushEvery) {
    // Starts writing to the disk without waiting, so that the sync in commit() finds little left to do.
    ::sync_file_range(file_.fd(), static_cast<off64_t>(flushed_), static_cast<off64_t>(size_ - flushed_),
                      SYNC_FILE_RANGE_WRITE);
    flushed_ = size_;
  }
}

void Store::Writer::commit_as(const Digest& digest) { file_.commit_to(blobs_ / digest.hex()); }

void Store::Writer::commit(const Descriptor& expected) {
  if (size_ != expected.size) throw Error{"size is ", size_, " bytes, expected ", expected.size};
  const Digest digest{hasher_.finish()};
  if (digest != expected.digest) {
    throw Error{"digest is ", digest.to_string(), ", expected ", expected.digest.to_string()};
  }
  commit_as(digest);
}

Descriptor Store::Writer::commit(std::string_view media_type) {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = Digest{hasher_.finish()};
  descriptor.size = size_;
  commit_as(descriptor.digest);
  return descriptor;
}

}  // namespace kiln::oci
