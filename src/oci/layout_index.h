#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/descriptor.h"

namespace kiln::oci {

// Internal to this folder.

/// The text of a store's index.json (image-spec, "index.json file") as a list of names. Other tools write it too: what
/// this does not understand (members, entries without a name, digests of other algorithms) survives a change untouched.
class LayoutIndex {
 public:
  /// Throws Error unless it is JSON with an array of manifests. `name` begins the message.
  LayoutIndex(std::string_view json, std::string_view name);
  LayoutIndex();  ///< of a new store
  ~LayoutIndex();
  LayoutIndex(LayoutIndex&&) noexcept;
  LayoutIndex& operator=(LayoutIndex&&) noexcept;

  /// The first entry of exactly that name; otherwise the first whose name is a short form of it.
  std::optional<Descriptor> find(std::string_view name) const;
  std::vector<std::pair<std::string, Descriptor>> names() const;

  void set(std::string_view name, const Descriptor& descriptor);  ///< instead of every entry of exactly that name
  bool remove(std::string_view name);                             ///< every entry find() could return

  std::string to_json() const;

 private:
  std::unique_ptr<nlohmann::json> json_;
};

}  // namespace kiln::oci
