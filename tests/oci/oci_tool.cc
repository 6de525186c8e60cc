// Pulls, pushes and verifies from a script, with nothing of Kiln but its oci library.
//
//   oci_tool pull STORE REFERENCE PLATFORM     prints the manifest's digest
//   oci_tool push STORE NAME TARGET [PLATFORM…] prints the digest that was pushed
//   oci_tool verify STORE                      prints the findings; status 1 if there are any
//   oci_tool names STORE                       prints the names

#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/credentials.h"
#include "oci/pull.h"
#include "oci/push.h"

namespace {

using namespace kiln;
using namespace kiln::oci;

RegistryOptions registry_options() {
  RegistryOptions options;
  options.credential_files = credential_files();
  return options;
}

int pull(const std::vector<std::string>& arguments) {
  Store store{arguments.at(0)};
  HttpRegistry registry{registry_options()};
  ThreadPool downloads{4};
  SilentReporter reporter;
  const Image image = pull_image(Reference::parse(arguments.at(1)), Platform::parse(arguments.at(2)), store, registry,
                                 downloads, reporter);
  std::printf("%s\n", image.descriptor.digest.to_string().c_str());
  return 0;
}

int push(const std::vector<std::string>& arguments) {
  const Store store{arguments.at(0)};
  HttpRegistry registry{registry_options()};
  ThreadPool uploads{4};
  SilentReporter reporter;
  PushOptions options;
  for (std::size_t i = 3; i < arguments.size(); ++i) options.platforms.push_back(Platform::parse(arguments[i]));
  const Descriptor pushed = push_image(store, Reference::parse(arguments.at(1)), Reference::parse(arguments.at(2)),
                                       registry, uploads, reporter, options);
  std::printf("%s\n", pushed.digest.to_string().c_str());
  return 0;
}

int verify(const std::vector<std::string>& arguments) {
  const auto findings = Store{arguments.at(0)}.verify();
  for (const std::string& finding : findings) std::printf("%s\n", finding.c_str());
  return findings.empty() ? 0 : 1;
}

int names(const std::vector<std::string>& arguments) {
  for (const auto& [name, descriptor] : Store{arguments.at(0)}.names()) std::printf("%s\n", name.c_str());
  return 0;
}

const std::map<std::string, std::pair<std::size_t, std::function<int(const std::vector<std::string>&)>>> kVerbs = {
    {"pull", {3, pull}}, {"push", {3, push}}, {"verify", {1, verify}}, {"names", {1, names}}};

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> arguments(words + std::min(count, 2), words + count);
  const auto verb = kVerbs.find(count > 1 ? words[1] : "");
  if (verb == kVerbs.end() || arguments.size() < verb->second.first) {
    std::fprintf(stderr, "usage: oci_tool pull|push|verify|names STORE …\n");
    return 2;
  }
  try {
    return verb->second.second(arguments);
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "hint: %s\n", error.hint().c_str());
    return 1;
  }
}
