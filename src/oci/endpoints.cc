#include "oci/endpoints.h"

#include <algorithm>

#include "base/error.h"
#include "oci/default_registry.h"

namespace kiln::oci {
namespace {

constexpr std::string_view kAny = "*";

/// The registry of short names has three hosts; a mirror of one is a mirror of all (spec cli.md §1).
std::string normalise_registry(std::string_view registry) {
  for (const char* alias : {"index.", "registry-1."}) {
    if (registry == concat(alias, kDefaultDomain)) return std::string{kDefaultDomain};
  }
  return std::string{registry};
}

/// What rules of registries.conf are compared with: a tag or a digest always ends it.
std::string whole_name(const Reference& reference) {
  if (reference.digest()) return reference.canonical();
  return concat(reference.locator(), ":", reference.tag().value_or("latest"));
}

bool is_good_for(MirrorUse use, const Reference& reference) {
  if (use == MirrorUse::digest_only) return reference.digest().has_value();
  if (use == MirrorUse::tag_only) return !reference.digest();
  return true;
}

/// The name with `location` in place of its first `prefix` characters.
Reference moved(std::string_view name, std::size_t prefix, std::string_view location) {
  return Reference::parse_located(concat(location, name.substr(prefix)));
}

}  // namespace

MirrorSpec MirrorSpec::parse(std::string_view text) {
  const auto fail = [&](const auto&... parts) -> Error {
    return Error{"mirror ", quote(text), ": ", parts...}.with_hint(
        "a mirror is given as [REGISTRY=]http[s]://HOST[:PORT][/PATH]");
  };
  MirrorSpec spec;
  spec.text = text;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) throw fail("it has no scheme, expected http:// or https://");
  const std::size_t equals = text.substr(0, scheme).find('=');
  spec.registry = equals == std::string_view::npos ? kAny : normalise_registry(text.substr(0, equals));
  const std::size_t begin = equals == std::string_view::npos ? 0 : equals + 1;
  spec.scheme = text.substr(begin, scheme - begin);
  if (spec.scheme != "http" && spec.scheme != "https") {
    throw fail("its scheme is ", quote(spec.scheme), ", expected http or https");
  }
  if (spec.registry.empty()) throw fail("there is no registry before '='");
  spec.location = text.substr(scheme + 3);
  while (spec.location.ends_with('/')) spec.location.pop_back();
  try {
    Reference::parse_located(spec.location + "/x");
    if (spec.registry != kAny) Reference::parse_located(spec.registry + "/x");
  } catch (const Error& error) {
    throw fail(error.message());
  }
  return spec;
}

std::vector<std::string> split_mirror_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(", \t\n"), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

const RegistryRule* EndpointTable::rule_of(const Reference& reference) const {
  const RegistryRule* rule = conf_.find(whole_name(reference));
  if (rule != nullptr && rule->blocked) {
    throw Error{"images of ", quote(rule->prefix), " are blocked by ", rule->origin}.with_hint(
        "use an image from elsewhere, or have the registry unblocked there");
  }
  return rule;
}

std::vector<Endpoint> EndpointTable::for_reading(const Reference& reference) const {
  const RegistryRule* rule = rule_of(reference);
  const std::string name = whole_name(reference);
  std::vector<Endpoint> out;
  const bool has_own = std::any_of(mirrors_.begin(), mirrors_.end(),
                                   [&](const auto& mirror) { return mirror.registry == reference.domain(); });
  for (const MirrorSpec& mirror : mirrors_) {
    if (mirror.registry != (has_own ? reference.domain() : kAny)) continue;
    out.push_back({moved(name, reference.domain().size(), mirror.location), mirror.scheme, mirror.scheme == "http",
                   true, concat("--mirror ", mirror.text)});
  }
  if (rule == nullptr) {
    out.push_back({reference, "", false, false, ""});
    return out;
  }
  const std::size_t prefix = rule->matches(name);
  for (const MirrorRule& mirror : rule->mirrors) {
    if (!is_good_for(mirror.use, reference)) continue;
    out.push_back({moved(name, prefix, mirror.location), "", mirror.insecure, true, rule->origin});
  }
  out.push_back({rule->location.empty() ? reference : moved(name, prefix, rule->location), "", rule->insecure, false,
                 rule->location.empty() ? "" : rule->origin});
  return out;
}

Endpoint EndpointTable::for_writing(const Reference& reference) const {
  const RegistryRule* rule = rule_of(reference);
  return {reference, "", rule != nullptr && rule->insecure, false, ""};
}

}  // namespace kiln::oci
