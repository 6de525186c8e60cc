#pragma once

#include <string>

namespace kiln::config {
struct Node;
}

namespace kiln::package {

/// The value of the label `org.mobyproject.config` for a `config:` section (spec pkg.md §2, yaml.md §5.7): compact JSON
/// in the section's own order. Scalars become what their key wants: numbers where the schema has numbers, true and
/// false where it has booleans, text as it is written everywhere else (so that `mode: 0666` stays "0666").
/// Throws Error if the section is not what a label may hold.
std::string label_json(const config::Node& config);

}  // namespace kiln::package
