#include "cli/images.h"

#include <charconv>
#include <cstdlib>

#include "build/indexing_observer.h"
#include "cli/context.h"
#include "oci/credentials.h"
#include "oci/pull.h"

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

}  // namespace

oci::RegistryOptions registry_options(Context& context) {
  oci::RegistryOptions options;
  options.insecure = context.options.insecure_registries;
  options.credential_files = oci::credential_files();
  options.stall_timeout = stall_timeout(options.stall_timeout);
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

package::Locations package_locations(Context& context) {
  const Locations& ours = context.locations();
  package::Locations locations;
  const char* recipes = std::getenv("KILN_PKG_PATH");
  locations.recipes = recipes != nullptr && *recipes != '\0' ? std::filesystem::path{recipes} : ours.recipes();
  locations.guest = ours.guests();
  return locations;
}

}  // namespace kiln::cli
