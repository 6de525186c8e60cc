#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

// Reading JSON of strangers, here and in the folders that link to this one, and writing our own.

/// Parses JSON of at most 64 levels (images need 6). Throws Error: "NAME: it is not valid JSON: … at byte N".
nlohmann::json parse_json(std::string_view text, std::string_view name);

/// Compact, or indented by `indent` spaces. Throws Error if a text in it is not UTF-8.
std::string dump_json(const nlohmann::json& value, int indent = -1);
std::string dump_json(const nlohmann::ordered_json& value, int indent = -1);

/// A value in a parsed document together with its place, for errors such as
/// "manifest of 'nginx': layers[2].size: expected a size, got a string". A member that is null counts as absent: that
/// is how Go writes an empty list. The document must outlive it.
class JsonView {
 public:
  JsonView(const nlohmann::json& value, std::string_view document) : value_{&value}, document_{document} {}

  std::optional<JsonView> member(const char* key) const;  ///< of an object (checked)
  JsonView required(const char* key) const;
  bool has(const char* key) const { return member(key).has_value(); }

  std::vector<std::string> keys() const;
  std::string text() const;
  std::uint64_t size() const;  ///< 0 to 2^63-1: what a file can have
  double number() const;
  bool flag() const;
  std::vector<JsonView> items() const;
  std::vector<std::string> texts() const;
  std::map<std::string, std::string> text_map() const;

  // The same of a member, with an empty value for absence.
  std::string text(const char* key) const;
  bool flag(const char* key) const;
  std::vector<JsonView> items(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  std::map<std::string, std::string> text_map(const char* key) const;

  /// Throws Error with the place in front.
  [[noreturn]] void fail(std::string_view complaint) const;

 private:
  JsonView(const nlohmann::json& value, const JsonView& parent, std::string step);
  void expect(bool good, std::string_view what) const;

  const nlohmann::json* value_;
  std::string document_;
  std::string path_;
};

}  // namespace kiln::oci
