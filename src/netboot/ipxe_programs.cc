#include "netboot/ipxe_programs.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "build/layers.h"
#include "tree/layer_content.h"
#include "tree/merge.h"

namespace kiln::netboot {
namespace {

namespace fs = std::filesystem;
using dhcp::Architecture;

constexpr std::string_view kDirectory = "usr/lib/ipxe/";
constexpr std::size_t kMostProgram = 16 << 20;

// snponly.efi drives the card by the firmware's own driver, which has just loaded it and so is known to work; ipxe.efi
// has drivers of its own, for some cards.
constexpr std::pair<Architecture, std::string_view> kPrograms[] = {
    {Architecture::x86_bios, "undionly.kpxe"},
    {Architecture::x64_uefi, "snponly.efi"},
    {Architecture::x64_uefi_ebc, "snponly.efi"},
    {Architecture::x64_uefi_http, "snponly.efi"},
    {Architecture::arm64_uefi, "ipxe-arm64.efi"},
    {Architecture::arm64_uefi_http, "ipxe-arm64.efi"},
    {Architecture::riscv64_uefi, "ipxe-riscv64.efi"},
    {Architecture::riscv64_uefi_http, "ipxe-riscv64.efi"},
    {Architecture::loongarch64_uefi, "ipxe-loong64.efi"},
    {Architecture::loongarch64_uefi_http, "ipxe-loong64.efi"},
};

/// What is worth its memory: the programs above, and the one with drivers of its own for those who ask for it by name.
bool is_wanted(std::string_view name) {
  return name == "ipxe.efi" || std::any_of(std::begin(kPrograms), std::end(kPrograms),
                                           [&](const auto& program) { return program.second == name; });
}

/// Collects the contents of the entries it is told of.
class Collector final : public tree::ContentVisitor {
 public:
  void begin(std::uint32_t, std::uint64_t size) override {
    if (size > kMostProgram) throw Error{"an iPXE binary of ", size, " bytes: expected at most ", kMostProgram};
    text_.clear();
  }
  void data(Bytes data) override { text_.append(as_text(data)); }
  void end(std::uint32_t entry) override { contents[entry] = std::make_shared<const std::string>(std::move(text_)); }

  std::map<std::uint32_t, std::shared_ptr<const std::string>> contents;

 private:
  std::string text_;
};

}  // namespace

std::string_view ipxe_program_for(Architecture architecture) {
  for (const auto& [known, program] : kPrograms) {
    if (known == architecture) return program;
  }
  return {};
}

std::span<const std::string_view> known_processors() {
  static constexpr std::array<std::string_view, 6> kProcessors{"arm64", "amd64", "riscv64", "loong64", "386", "arm"};
  return kProcessors;
}

std::string_view processor_of_ipxe(std::string_view buildarch) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames{
      {{"x86_64", "amd64"}, {"i386", "386"}, {"arm32", "arm"}}};
  for (const auto& [ipxe, go] : kNames) {
    if (buildarch == ipxe) return go;
  }
  return buildarch;
}

IpxePrograms IpxePrograms::from_image(const oci::Image& image, const oci::Store& store, Reporter& reporter) {
  build::Layers layers{store, reporter};
  const std::vector<std::uint32_t> numbers = layers.of_image(image);
  std::vector<const tree::LayerIndex*> indexes;
  for (const std::uint32_t number : numbers) indexes.push_back(&layers.layer(number).index);
  // By layer: which entries, in tar order, and their names.
  std::map<std::uint32_t, std::map<std::uint32_t, std::set<std::string>>> wanted;
  for (const tree::Node& node : tree::merge(indexes)) {
    if (node.kind != tree::Kind::regular || !node.path.starts_with(kDirectory)) continue;
    const std::string_view name = node.path.substr(kDirectory.size());
    if (is_wanted(name)) wanted[node.target_layer][node.target_entry].emplace(name);
  }
  IpxePrograms programs;
  for (const auto& [number, entries] : wanted) {
    const build::Layer& layer = layers.layer(numbers[number]);
    std::vector<std::uint32_t> in_order;
    for (const auto& [entry, names] : entries) in_order.push_back(entry);
    Collector collector;
    const std::unique_ptr<tree::LayerTar> tar = layers.open(layer);
    tree::read_contents(layer.index, *tar, in_order, collector);
    for (const auto& [entry, names] : entries) {
      for (const std::string& name : names) programs.programs_[name] = collector.contents[entry];
    }
  }
  if (programs.programs_.empty()) {
    throw Error{"image ", quote(image.reference.canonical()), " has no iPXE binaries in '/", kDirectory, "'"};
  }
  return programs;
}

IpxePrograms IpxePrograms::from_directory(const fs::path& directory) {
  IpxePrograms programs;
  std::error_code error;
  for (fs::directory_iterator each{directory, error}, end; !error && each != end; each.increment(error)) {
    const std::string name = each->path().filename().native();
    if (is_wanted(name) && each->is_regular_file()) {
      programs.programs_[name] = std::make_shared<const std::string>(read_file(each->path(), kMostProgram));
    }
  }
  if (error) throw SysError{error.value(), "reading iPXE binaries from ", quote(directory.native())};
  if (programs.programs_.empty()) {
    throw Error{"no iPXE binaries in ", quote(directory.native()),
                ": expected undionly.kpxe, snponly.efi, ipxe-arm64.efi …"}
        .with_hint(
            "Debian's package ipxe puts them into /usr/lib/ipxe; without --ipxe-dir Kiln fetches that package itself");
  }
  return programs;
}

std::shared_ptr<const std::string> IpxePrograms::find(std::string_view name) const {
  const auto found = programs_.find(name);
  return found == programs_.end() ? nullptr : found->second;
}

}  // namespace kiln::netboot
