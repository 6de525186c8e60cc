#include "cli/images.h"

#include <charconv>
#include <cstdlib>

#include "base/file.h"
#include "build/indexing_observer.h"
#include "cli/context.h"
#include "oci/credentials.h"
#include "oci/pull.h"
#include "package/engine_images.h"

namespace kiln::cli {
namespace {

// Transfers mostly wait; four of them keep a fast line busy.
constexpr unsigned kTransfers = 4;

/// What pulling needs, made when the first image has to be fetched, and shared by all that are.
struct Puller {
  explicit Puller(Context& context)
      : registry{registry_options(context)}, transfers{kTransfers}, indexer{context.store()} {}

  oci::HttpRegistry registry;
  ThreadPool transfers;
  build::IndexingObserver indexer;
};

/// KILN_REGISTRY_STALL_SECONDS: for lines on which half a minute of silence is normal, and for tests that cannot wait.
std::chrono::seconds stall_timeout(std::chrono::seconds otherwise) {
  const char* text = std::getenv("KILN_REGISTRY_STALL_SECONDS");
  if (text == nullptr || *text == '\0') return otherwise;
  const std::string_view digits = text;
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc{} || end != digits.data() + digits.size() || seconds == 0) {
    throw Error{"KILN_REGISTRY_STALL_SECONDS is ", quote(digits), ": expected a number of seconds"};
  }
  return std::chrono::seconds{seconds};
}

/// Those of the command line, then those of LINUXKIT_MIRROR.
std::vector<oci::MirrorSpec> mirrors(std::vector<std::string> texts) {
  if (const char* list = std::getenv("LINUXKIT_MIRROR")) {
    for (std::string& text : oci::split_mirror_list(list)) texts.push_back(std::move(text));
  }
  std::vector<oci::MirrorSpec> out;
  for (const std::string& text : texts) out.push_back(oci::MirrorSpec::parse(text));
  return out;
}

/// A file for --cert-file, seen to have a certificate: libcurl only says that something is wrong with all of them.
const std::string& checked_pem(const std::string& file) {
  constexpr std::size_t kMost = std::size_t{4} << 20;
  if (read_file(file, kMost).find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    throw Error{"--cert-file ", quote(file),
                ": there is no certificate in it, expected PEM (-----BEGIN CERTIFICATE-----)"};
  }
  return file;
}

}  // namespace

oci::RegistryOptions registry_options(Context& context) {
  oci::RegistryOptions options;
  options.mirrors = mirrors(context.options.mirrors);
  options.registries_conf = oci::registries_conf_files();
  for (const std::string& file : context.options.certificate_files) options.authorities.push_back(checked_pem(file));
  Reporter& reporter = context.reporter();
  options.warn = [&reporter](const std::string& message) { reporter.warning(message); };
  options.insecure = context.options.insecure_registries;
  options.credential_files = oci::credential_files();
  options.stall_timeout = stall_timeout(options.stall_timeout);
  return options;
}

oci::RegistryOptions push_registry_options(Context& context) {
  oci::RegistryOptions options = registry_options(context);
  options.use_mirrors = false;
  return options;
}

build::ImageFetcher image_fetcher(Context& context, bool always_pull) {
  const auto puller = std::make_shared<Puller>(context);
  oci::Store& store = context.store();
  Reporter& reporter = context.reporter();
  oci::PullOptions options;
  options.refresh = always_pull;
  build::ImageFetcher fetcher;
  fetcher.image = [puller, options, &store, &reporter](const oci::Reference& reference, const oci::Platform& platform) {
    return oci::pull_image(reference, platform, store, puller->registry, puller->transfers, reporter, &puller->indexer,
                           options);
  };
  fetcher.images = [puller, options, &store, &reporter](const oci::Reference& reference,
                                                        std::span<const oci::Platform> wanted) {
    return oci::pull_images(reference, wanted, store, puller->registry, puller->transfers, reporter, nullptr, options);
  };
  return fetcher;
}

build::ImageFetcher docker_fetcher(Context& context, build::ImageFetcher otherwise) {
  const package::EngineImages engine = package::EngineImages::find("--docker");
  const auto from_engine = [engine, &context](const oci::Reference& reference, const oci::Platform& platform) {
    auto image = engine.image(reference, platform, context.store());
    if (image) context.reporter().detail(concat(reference.canonical(), " is that of ", engine.program()));
    return image;
  };
  build::ImageFetcher fetcher;
  fetcher.image = [from_engine, otherwise](const oci::Reference& reference, const oci::Platform& platform) {
    auto image = from_engine(reference, platform);
    return image ? *std::move(image) : otherwise.image(reference, platform);
  };
  fetcher.images = [from_engine, otherwise = std::move(otherwise)](const oci::Reference& reference,
                                                                   std::span<const oci::Platform> wanted) {
    // Engines have images of one platform; who wants them for all asks registries.
    auto image = wanted.size() == 1 ? from_engine(reference, wanted.front()) : std::nullopt;
    if (!image) return otherwise.images(reference, wanted);
    return oci::ImageSet{reference, image->descriptor, {{image->descriptor, image->manifest}}};
  };
  return fetcher;
}

package::Locations package_locations(Context& context) {
  const Locations& ours = context.locations();
  package::Locations locations;
  const char* recipes = std::getenv("KILN_PKG_PATH");
  locations.recipes = recipes != nullptr && *recipes != '\0' ? std::filesystem::path{recipes} : ours.recipes();
  locations.guest = ours.guests();
  return locations;
}

}  // namespace kiln::cli
