#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>

#include "base/file.h"
#include "base/human.h"
#include "build/image_tar.h"
#include "cli/cache_images.h"
#include "cli/context.h"
#include "cli/verbs.h"
#include "oci/export.h"
#include "oci/import.h"
#include "oci/store_use.h"

namespace kiln::cli {
namespace {

struct ExportOptions {
  std::string image, platform, output, name;
  std::string format = "oci";
};

void check_format(const std::string& format) {
  constexpr std::array<std::string_view, 3> kFormats{"oci", "docker", "filesystem"};
  if (std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end()) return;
  throw Error{"--format ", quote(format), ": expected oci, docker or filesystem"};
}

oci::Image image_in_store(Context& context, const ExportOptions& options) {
  const oci::Reference reference = oci::Reference::parse(options.image);
  const oci::Platform platform =
      options.platform.empty() ? oci::Platform::of_host() : oci::Platform::parse(options.platform);
  if (auto image = oci::find_image(context.store(), reference, platform)) return *std::move(image);
  throw Error{"the cache has no image ", quote(reference.canonical()), " for ", platform.to_string()}.with_hint(
      concat("fetch it first: ", context.dialect().program, " cache pull ", options.image));
}

void write(Context& context, const ExportOptions& options, const oci::Image& image, Sink& out) {
  const oci::Reference name = oci::Reference::parse(options.name.empty() ? options.image : options.name);
  if (options.format == "oci") return oci::export_oci(context.store(), image, name, out);
  if (options.format == "docker") return oci::export_docker(context.store(), image, name, out);
  build::write_image_tar(image, context.store(), context.reporter(), out);
}

int run_export(Context& context, const ExportOptions& options) {
  check_format(options.format);
  const auto use = oci::use_store(context.store());
  const oci::Image image = image_in_store(context, options);
  if (options.output == "-") {
    context.end_progress();
    FdSink sink{STDOUT_FILENO, "standard output"};
    write(context, options, image, sink);
    return 0;
  }
  AtomicFile file{options.output};
  write(context, options, image, file.sink());
  file.commit();
  if (context.options.json) context.result("", Fields{}.add("path", options.output));
  return 0;
}

struct ImportOptions {
  std::vector<std::string> files;
  std::string name;
};

oci::ImportedImages import_one(Context& context, const std::string& file, const std::string& name) {
  if (file == "-") {
    FdSource input{STDIN_FILENO, "standard input"};
    return oci::import_images(input, "standard input", context.store(), name);
  }
  if (std::filesystem::is_directory(file)) return oci::import_layout(file, context.store(), name);
  const UniqueFd fd = open_file(file);
  FdSource input{fd.get(), file};
  return oci::import_images(input, quote(file), context.store(), name);
}

int run_import(Context& context, const ImportOptions& options) {
  const auto use = oci::use_store(context.store());
  std::string text;
  std::vector<Fields> images;
  for (const std::string& file : options.files) {
    for (const auto& [name, descriptor] : import_one(context, file, options.name)) {
      const std::string digest = descriptor.digest.to_string();
      text += concat(printable(name), " ", digest, "\n");
      images.push_back(Fields{}.add("name", name).add("digest", digest));
    }
  }
  context.result(text, Fields{}.add("images", std::move(images)));
  return 0;
}

}  // namespace

void add_cache_export(CLI::App& cache, Context& context) {
  CLI::App* command = cache.add_subcommand("export", "Write an image to a file that other tools load");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("IMAGE", options->image, "Reference, as 'kiln cache ls' shows it or shorter")->required();
  command->add_option("-o,--outfile", options->output, "The file to write; - is standard output")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--format", options->format,
                   "oci: an OCI image layout as a tar; docker: what 'docker load' takes; filesystem: the root tree")
      ->capture_default_str();
  command->add_option("--platform,--arch", options->platform, "Which image of several; by default this machine's")
      ->type_name("OS/ARCH");
  command->add_option("--name", options->name, "What the image is called in the file, if not by its own name")
      ->type_name("REFERENCE");
  on_run(*command, [&context, options] { return run_export(context, *options); });
}

void add_cache_import(CLI::App& cache, Context& context) {
  CLI::App* command = cache.add_subcommand("import", "Bring images in that other tools wrote");
  auto options = std::make_shared<ImportOptions>();
  command
      ->add_option("FILE", options->files,
                   "OCI image layouts (directories or tars) or Docker archives, compressed or not; - is standard input")
      ->required();
  command->add_option("--name", options->name, "What the image in it is called here")->type_name("REFERENCE");
  on_run(*command, [&context, options] { return run_import(context, *options); });
}

}  // namespace kiln::cli
