#include "build/build.h"

#include <charconv>
#include <filesystem>
#include <future>

#include "base/error.h"
#include "base/file.h"
#include "build/emit.h"
#include "build/linuxkit_stream.h"
#include "build/segment_groups.h"

namespace kiln::build {
namespace {

constexpr std::string_view kMemoVersion = "kiln build 8";
constexpr std::string_view kTarVersion = "kiln tar 5";

/// What docker makes an image of the tree with (spec layout.md §9).
constexpr std::string_view kDockerfile = "\nFROM scratch\n\nCOPY . ./\n\nENTRYPOINT [\"/bin/rc.init\"]\n";

/// Feeds labelled, length-prefixed text to a hash, so that no two inputs look alike.
class KeyHasher {
 public:
  void add(std::string_view label, std::string_view value) {
    hasher_.update(concat(label, " ", value.size(), ":"));
    hasher_.update(value);
  }
  Sha256 finish() { return hasher_.finish(); }

 private:
  Sha256Hasher hasher_;
};

/// An image, or what is there in its place.
void add_image(KeyHasher& key, std::string_view role, const oci::Image* image, const ReusedPart* reused) {
  key.add(role, image != nullptr ? image->reference.canonical() : "");
  key.add("manifest", image != nullptr ? image->descriptor.digest.to_string() : "");
  if (reused != nullptr) key.add("from", concat(reused->tar.content.hex(), " ", reused->location));
}

void add_file(KeyHasher& key, const ResolvedFile& file) {
  key.add("file", file.config.path);
  key.add("kind", std::to_string(static_cast<int>(file.config.kind)));
  key.add("mode", concat(file.config.mode, " ", file.uid, " ", file.gid));
  key.add("symlink", file.config.symlink);
  key.add("contents", file.config.contents.value_or(""));
  key.add("source", file.source ? file.source->content.hex() : "");
}

void add_volume(KeyHasher& key, const ResolvedVolume& volume) {
  key.add("volume", concat(volume.name, " ", volume.source));
  add_image(key, "volume image", volume.image, volume.reused.get());
  for (const VolumeFile& file : volume.layout) {
    key.add(file.path, file.blob ? file.blob->digest.to_string() : file.content);
  }
}

/// The lines of a remembered build, one `WORD VALUE…` each.
struct Line {
  std::string_view word, value;
};

std::optional<Line> next_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  const std::size_t space = line.find(' ');
  return Line{line.substr(0, space), space == std::string_view::npos ? std::string_view{} : line.substr(space + 1)};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Build::Build(const ResolvedSystem& system, const oci::Store& store, const Options& options, Reporter& reporter)
    : system_{system}, store_{store}, options_{options}, reporter_{reporter}, cache_{store} {
  if (options_.threads == 0) options_.threads = ThreadPool::processors();
}

Build::~Build() = default;

const Plan& Build::plan() {
  if (!plan_) {
    // Of builds that were killed.
    for (const char* made : {"layers", "files", "builds"}) AtomicFile::remove_stale(store_.derived_directory(made));
    layers_ = std::make_unique<Layers>(store_, reporter_);
    std::vector<const oci::Image*> images;
    for (const oci::Image& image : system_.images) images.push_back(&image);
    ThreadPool pool{options_.threads};
    layers_->prepare(images, pool);
    plan_ = std::make_unique<Plan>(make_plan(system_, *layers_));
    decompress_kernel(*plan_);
  }
  return *plan_;
}

const BootSet& Build::boot_set(BootSetFollower* follower) {
  if (!boot_set_) {
    const Sha256 key = memo_key();
    boot_set_ = recall(key);
    if (!boot_set_) return *(boot_set_ = make_boot_set(key, follower));
  }
  if (follower != nullptr) {
    follower->begin(*boot_set_);
    for (const SegmentFile& segment : boot_set_->segments) follower->segment(segment);
  }
  return *boot_set_;
}

BootSet Build::boot_set_to_load() {
  BootSet set = boot_set();
  set.segments = group_segments(cache_, set.segments, kMostLoaded);
  return set;
}

/// The kernel, ucode, and how the initramfs is to be compressed: what this kernel can read.
void Build::extract_boot_files(const Plan& plan, BootSet& set) const {
  if (plan.boot.kernel) set.kernel = extract_file(plan, *plan.boot.kernel, store_, reporter_);
  if (plan.boot.ucode) set.ucode = extract_file(plan, *plan.boot.ucode, store_, reporter_);
  if (options_.compression) {
    set.compression = *options_.compression;
  } else {
    const bool zstd = !set.kernel || reads_zstd(*set.kernel);
    set.compression = Compression::parse(zstd ? "zstd" : "gzip");
  }
}

BootSet Build::make_boot_set(const Sha256& key, BootSetFollower* follower) {
  const Plan& plan = this->plan();
  BootSet set;
  set.cmdline = plan.boot.cmdline;
  // The kernel says how to compress, and is looked at while the plan is cut: each takes about as long.
  std::future<void> extracted = std::async(std::launch::async, [&] { extract_boot_files(plan, set); });
  const SegmentList list = make_segments(plan, ArchiveKind::cpio, options_.threads);
  extracted.get();
  Renderer renderer{plan, list, set.compression, cache_, reporter_};
  set.segments = renderer.segments();
  set.segments_rendered = renderer.missing();
  set.content_rendered = renderer.missing_content();
  set.root_size = list.root_size;
  set.content_size = list.content_size;
  if (follower != nullptr) {
    follower->begin(set);
    renderer.run(options_.threads, [follower](const SegmentFile& segment) { follower->segment(segment); });
  } else {
    renderer.run(options_.threads);
  }
  set.segments = renderer.segments();
  remember(key, set);
  return set;
}

Sha256 Build::memo_key() const {
  return input_key(concat(kMemoVersion, options_.decompress_kernel ? " decompressed " : " ",
                          options_.compression ? options_.compression->to_string() : "auto"));
}

Sha256 Build::tar_key(TarKind kind) const {
  return input_key(concat(kTarVersion, options_.linuxkit_tar ? " linuxkit" : "",
                          kind == TarKind::docker ? " docker" : "", options_.decompress_kernel ? " decompressed" : ""));
}

Sha256 Build::input_key(std::string_view version) const {
  KeyHasher key;
  key.add("version", version);
  key.add("platform", system_.platform.to_string());
  if (system_.kernel) {
    const config::Kernel& config = system_.kernel->config;
    add_image(key, "kernel", system_.kernel->image, system_.kernel->reused.get());
    key.add("cmdline", config.cmdline);
    key.add("binary", config.binary);
    key.add("tar", config.tar.value_or("kernel.tar"));
    key.add("ucode", config.ucode.value_or(""));
  }
  for (const ResolvedInit& init : system_.init) add_image(key, "init", init.image, init.reused.get());
  for (const ResolvedVolume& volume : system_.volumes) add_volume(key, volume);
  for (const ResolvedContainer& container : system_.containers) {
    add_image(key, container.directory, container.image, container.reused.get());
    key.add("root", concat(container.root, container.owns_root ? " own" : "", container.readonly ? " ro" : ""));
    key.add("config.json", container.config_json);
    key.add("runtime.json", container.runtime_json);
  }
  for (const ResolvedFile& file : system_.files) add_file(key, file);
  for (const RootFile& file : system_.root_files) {
    key.add("root file", file.path);
    key.add("content", file.content);
  }
  return key.finish();
}

void Build::remember(const Sha256& key, const BootSet& set) const {
  std::string text = concat(kMemoVersion, "\ncompression ", set.compression.to_string(), "\nroot ", set.root_size,
                            "\ncontent ", set.content_size, "\n");
  const auto add_extracted = [&](std::string_view word, const std::optional<ExtractedFile>& file) {
    if (file) text += concat(word, " ", file->path.filename().native(), "\n");
  };
  add_extracted("kernel", set.kernel);
  add_extracted("ucode", set.ucode);
  for (const SegmentFile& segment : set.segments) text += concat("segment ", segment.path.filename().native(), "\n");
  text += "end\n";
  write_file(store_.derived_directory("builds") / key.hex(), text);
}

std::optional<BootSet> Build::recall(const Sha256& key) const {
  const std::filesystem::path path = store_.derived_directory("builds") / key.hex();
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string content = read_file(path);
  std::string_view text = content;
  if (!text.starts_with(concat(kMemoVersion, "\n")) || !text.ends_with("\nend\n")) return std::nullopt;
  text.remove_prefix(kMemoVersion.size() + 1);
  BootSet set;
  if (system_.kernel) set.cmdline = system_.kernel->config.cmdline;
  while (const std::optional<Line> line = next_line(text)) {
    if (line->word == "compression") {
      set.compression = Compression::parse(line->value);
    } else if (line->word == "root" || line->word == "content") {
      (line->word == "root" ? set.root_size : set.content_size) = parse_number(line->value).value_or(0);
    } else if (line->word == "kernel" || line->word == "ucode") {
      std::error_code error;
      ExtractedFile file{store_.derived_directory("files") / line->value, 0};
      file.size = std::filesystem::file_size(file.path, error);
      if (error) return std::nullopt;
      (line->word == "kernel" ? set.kernel : set.ucode) = file;
    } else if (line->word == "segment") {
      const std::optional<Sha256> digest = Sha256::from_hex(line->value);
      const std::optional<SegmentFile> segment = digest ? cache_.find(*digest) : std::nullopt;
      if (!segment) return std::nullopt;
      set.segments.push_back(*segment);
    }
  }
  return set;
}

/// The plan with the boot directory's files in it, as the tar has them (spec layout.md §4).
Plan Build::tar_plan(const ResolvedSystem& system) {
  Plan plan = make_plan(system, *layers_);
  decompress_kernel(plan);
  const auto add = [&](std::string_view path, Entry entry) {
    // With the directory `boot`: the kernel's part has it, and that of `files:`.
    Part& part = system_.kernel ? plan.parts.front() : plan.parts.back();
    entry.prefix = {};
    entry.path = path;
    part.entries.push_back(entry);
  };
  if (system_.kernel && !plan.boot.cmdline_file) {
    Generated file;
    file.meta = {.mode = 0644, .mtime = kFixedTime};
    file.content = plan.boot.cmdline;
    plan.boot.cmdline_file.emplace().entry = static_cast<std::uint32_t>(plan.generated.size());
    plan.generated.push_back(std::move(file));
  }
  if (plan.boot.cmdline_file) add("boot/cmdline", *plan.boot.cmdline_file);
  if (plan.boot.kernel) add("boot/kernel", *plan.boot.kernel);
  if (plan.boot.ucode) add("boot/ucode.cpio", *plan.boot.ucode);
  return plan;
}

/// Has the kernel in place of what it is wrapped in, wherever the plan has it.
void Build::decompress_kernel(Plan& plan) const {
  if (!options_.decompress_kernel || !plan.boot.kernel) return;
  if (plan.boot.kernel->layer == kGenerated) return;  // `files:` has it: as it is
  Generated kernel;
  kernel.meta = plan.metadata(*plan.boot.kernel);
  kernel.source = build::decompress_kernel(extract_file(plan, *plan.boot.kernel, store_, reporter_), store_, reporter_);
  Entry entry = *plan.boot.kernel;
  entry.layer = kGenerated;
  entry.entry = static_cast<std::uint32_t>(plan.generated.size());
  plan.generated.push_back(std::move(kernel));
  plan.boot.kernel = entry;
  for (Part& part : plan.parts) {
    for (Entry& written : part.entries) {
      if (written.full_path() != "boot/kernel" || (part.location != "kernel" && !part.verbatim)) continue;
      plan.generated[entry.entry].meta = plan.metadata(written);
      written.layer = entry.layer;
      written.entry = entry.entry;
    }
  }
}

void Build::write_tar(TarKind kind, Sink& out) {
  plan();  // indexes what is new, in parallel
  plan_.reset();
  layers_ = std::make_unique<Layers>(store_, reporter_);
  ResolvedSystem system = system_;
  if (kind == TarKind::docker)
    system.root_files.insert(system.root_files.begin(), {"Dockerfile", std::string{kDockerfile}});
  if (options_.linuxkit_tar) {
    Plan plan = make_linuxkit_stream(system, *layers_);
    decompress_kernel(plan);
    return write_archive(plan, make_stream_segments(plan), out);
  }
  const Plan plan = tar_plan(system);
  write_archive(plan, make_segments(plan, ArchiveKind::tar, options_.threads), out);
}

}  // namespace kiln::build
