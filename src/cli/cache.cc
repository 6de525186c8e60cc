#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"
#include "cli/context.h"
#include "cli/verbs.h"
#include "oci/store.h"

namespace kiln::cli {
namespace {

int run_list(Context& context) {
  std::vector<std::pair<std::string, oci::Descriptor>> names = context.store().names();
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t width = 0;
  for (const auto& [name, descriptor] : names) width = std::max(width, name.size());
  std::string text;
  std::vector<Fields> images;
  for (const auto& [name, descriptor] : names) {
    const std::string digest = descriptor.digest.to_string();
    text += concat(name, std::string(width - name.size() + 2, ' '), digest, "\n");
    images.push_back(Fields{}.add("name", name).add("digest", digest));
  }
  context.result(text, Fields{}.add("images", std::move(images)));
  return 0;
}

int run_verify(Context& context) {
  const std::vector<std::string> findings = context.store().verify();
  std::string text;
  for (const std::string& finding : findings) text += finding + "\n";
  if (findings.empty()) text = "every blob is what its digest says\n";
  context.result(text, Fields{}.add("findings", findings));
  return findings.empty() ? 0 : 1;
}

}  // namespace

void add_cache(CLI::App& program, Context& context) {
  CLI::App* cache = program.add_subcommand("cache", "Look after the store of images");
  cache->require_subcommand(1);

  CLI::App* list = cache->add_subcommand("ls", "List the images in the store");
  on_run(*list, [&context] { return run_list(context); });

  CLI::App* verify = cache->add_subcommand("verify", "Check every blob against its digest; status 1 if one is wrong");
  on_run(*verify, [&context] { return run_verify(context); });
}

}  // namespace kiln::cli
