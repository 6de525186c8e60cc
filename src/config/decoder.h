#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/diagnostics.h"
#include "config/node.h"
#include "config/options_check.h"
#include "config/system.h"
#include "config/value.h"

namespace kiln::config {

/// Where in the model a value belongs, for messages: "'limit' of 'memory' of 'resources' of service 'web'". Lives on
/// the stack of the decoding functions, so it costs nothing while there is no mistake.
struct Place {
  const Place* outer = nullptr;
  std::string_view kind;  ///< "service"; empty for a key
  std::string_view name;  ///< quoted if not empty
  std::size_t item = 0;   ///< from 1: "item 2"
  std::string to_string() const;
};

/// Where mistakes go, and in which file they are.
class Decoder {
 public:
  Decoder(std::string file, Diagnostics& diagnostics, const OptionsCheck* check = nullptr)
      : file_{std::move(file)}, diagnostics_{diagnostics}, check_{check} {}

  Position position(const Node& node) const { return {file_, node.line, node.column}; }
  void error(const Node& node, std::string message, std::string hint = "");
  /// "PLACE: expected EXPECTED, got …", with a hint how to write it if the mistake is a common one.
  void wrong_type(const Place& place, const Node& node, std::string_view expected);
  /// "unknown key 'comand' in service 'web'; did you mean 'command'?"
  void unknown_key(const Place& place, const Node& key, const std::vector<std::string_view>& valid);
  /// Has the lists of options judged that were read from `mapping`; elements with a mistake in them are passed over.
  void check_options(const Place& place, const Node& mapping, const ContainerOptions& options);

 private:
  bool has_mistake(const Node& node) const;

  std::string file_;
  Diagnostics& diagnostics_;
  const OptionsCheck* check_;
  std::set<const Node*> wrong_;
};

/// Each reads a node into a member, or reports why not and leaves it alone.
void decode(Decoder& decoder, const Place& place, const Node& node, std::string& out);
void decode(Decoder& decoder, const Place& place, const Node& node, bool& out);
void decode(Decoder& decoder, const Place& place, const Node& node, std::int64_t& out);
void decode(Decoder& decoder, const Place& place, const Node& node, std::uint32_t& out);
void decode(Decoder& decoder, const Place& place, const Node& node, Id& out);
void decode(Decoder& decoder, const Place& place, const Node& node, std::map<std::string, std::string>& out);
void decode(Decoder& decoder, const Place& place, const Node& node, Resources& out);

/// One key of an object: its name and the function that reads it. Tables of these are the format (keys_of<T>).
template <typename T>
struct Key {
  std::string_view name;
  void (*decode)(Decoder&, const Place&, const Node&, T&);
};

/// The keys of T, in the order LinuxKit writes them. Specialised in the .cc of each object.
template <typename T>
std::span<const Key<T>> keys_of();

template <>
std::span<const Key<Mount>> keys_of<Mount>();
template <>
std::span<const Key<Device>> keys_of<Device>();
template <>
std::span<const Key<IdMapping>> keys_of<IdMapping>();
template <>
std::span<const Key<Interface>> keys_of<Interface>();
template <>
std::span<const Key<BindNamespaces>> keys_of<BindNamespaces>();
template <>
std::span<const Key<Runtime>> keys_of<Runtime>();
template <>
std::span<const Key<ContainerOptions>> keys_of<ContainerOptions>();

/// Reads the entries of a mapping by the table. Keys in `others` belong to the caller and are passed over.
template <typename T>
void decode_entries(Decoder& decoder, const Place& place, const Node& mapping, T& out,
                    const std::vector<std::string_view>& others = {}) {
  const std::span<const Key<T>> keys = keys_of<T>();
  for (const Node::Entry& entry : mapping.entries) {
    const Key<T>* found = nullptr;
    for (const Key<T>& key : keys)
      if (key.name == entry.key->text) found = &key;
    bool is_other = false;
    for (std::string_view other : others) is_other = is_other || other == entry.key->text;
    if (found) {
      found->decode(decoder, Place{&place, "", found->name, 0}, *entry.value, out);
    } else if (!is_other) {
      std::vector<std::string_view> valid = others;
      for (const Key<T>& key : keys) valid.push_back(key.name);
      decoder.unknown_key(place, *entry.key, valid);
    }
  }
}

template <typename T>
void decode_object(Decoder& decoder, const Place& place, const Node& node, T& out) {
  if (node.kind != Node::Kind::mapping) return decoder.wrong_type(place, node, "a mapping");
  decode_entries(decoder, place, node, out);
}

inline void decode(Decoder& d, const Place& p, const Node& n, Mount& out) { decode_object(d, p, n, out); }
inline void decode(Decoder& d, const Place& p, const Node& n, Device& out) { decode_object(d, p, n, out); }
inline void decode(Decoder& d, const Place& p, const Node& n, IdMapping& out) { decode_object(d, p, n, out); }
inline void decode(Decoder& d, const Place& p, const Node& n, Interface& out) { decode_object(d, p, n, out); }
inline void decode(Decoder& d, const Place& p, const Node& n, BindNamespaces& out) { decode_object(d, p, n, out); }
inline void decode(Decoder& d, const Place& p, const Node& n, Runtime& out) { decode_object(d, p, n, out); }

template <typename T>
void decode(Decoder& decoder, const Place& place, const Node& node, std::vector<T>& out) {
  if (node.kind != Node::Kind::sequence) return decoder.wrong_type(place, node, "a list");
  out.clear();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    T item{};
    decode(decoder, Place{&place, "", "", i + 1}, *node.items[i], item);
    out.push_back(std::move(item));
  }
}

template <typename T>
void decode(Decoder& decoder, const Place& place, const Node& node, std::optional<T>& out) {
  T value{};
  decode(decoder, place, node, value);
  out = std::move(value);
}

namespace detail {
template <auto Member>
struct MemberOf;
template <typename Owner, typename Type, Type Owner::*Member>
struct MemberOf<Member> {
  using owner = Owner;
};
}  // namespace detail

/// A row of a table that reads into a member: key<&ContainerOptions::hostname>("hostname").
template <auto Member, typename Owner = typename detail::MemberOf<Member>::owner>
constexpr Key<Owner> key(std::string_view name) {
  return {name, [](Decoder& decoder, const Place& place, const Node& node, Owner& out) {
            decode(decoder, place, node, out.*Member);
          }};
}

}  // namespace kiln::config
