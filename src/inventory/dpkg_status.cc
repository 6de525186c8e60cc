#include "inventory/dpkg_status.h"

#include "base/error.h"
#include "inventory/paragraphs.h"

namespace kiln::inventory {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_same(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// Collects the fields of one paragraph after the other.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_{file} {}

  void line(const Line& line) {
    if (first_line_ == 0) first_line_ = line.number;
    if (line.text.front() == ' ' || line.text.front() == '\t') {  // goes on with a field, of which none here is long
      if (!has_field_) throw Error{file_, ":", line.number, ": a paragraph begins with a line that is indented"};
      return;
    }
    const std::size_t colon = line.text.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      throw Error{file_, ":", line.number, ": expected FIELD: VALUE, got ", quote(line.text.substr(0, 60))};
    }
    has_field_ = true;
    take(line.text.substr(0, colon), trim(line.text.substr(colon + 1)));
  }

  void end() {
    const bool is_there = state_ != "not-installed" && state_ != "config-files";
    if (is_there) {
      if (package_.name.empty()) throw Error{file_, ":", first_line_, ": the paragraph names no Package"};
      if (package_.version.empty()) {
        throw Error{file_, ":", first_line_, ": package ", quote(package_.name), " has no Version"};
      }
      if (package_.source.empty()) package_.source = package_.name;
      packages_.push_back(std::move(package_));
    }
    package_ = {};
    state_.clear();
    first_line_ = 0;
    has_field_ = false;
  }

  std::vector<InstalledPackage> take_packages() { return std::move(packages_); }

 private:
  void take(std::string_view field, std::string_view value) {
    if (is_same(field, "Package")) package_.name = value;
    if (is_same(field, "Version")) package_.version = value;
    if (is_same(field, "Architecture")) package_.architecture = value;
    if (is_same(field, "Maintainer")) package_.maintainer = value;
    if (is_same(field, "Homepage")) package_.homepage = value;
    if (is_same(field, "Source")) take_source(value);
    if (is_same(field, "Status")) state_ = value.substr(value.rfind(' ') + 1);  // "install ok installed"
  }

  /// "NAME" or "NAME (VERSION)".
  void take_source(std::string_view value) {
    const std::size_t open = value.find('(');
    package_.source = trim(value.substr(0, open));
    if (open == std::string_view::npos) return;
    value.remove_prefix(open + 1);
    package_.source_version = trim(value.substr(0, value.find(')')));
  }

  std::string_view file_;
  std::vector<InstalledPackage> packages_;
  InstalledPackage package_;
  std::string state_;
  std::size_t first_line_ = 0;
  bool has_field_ = false;
};

}  // namespace

std::vector<InstalledPackage> parse_dpkg_status(std::string_view text, std::string_view file) {
  Reader reader{file};
  for_each_paragraph(
      text, [&](const Line& line) { reader.line(line); }, [&] { reader.end(); });
  return reader.take_packages();
}

}  // namespace kiln::inventory
