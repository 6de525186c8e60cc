#include "oci/reference.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "oci/default_registry.h"

namespace kiln::oci {
namespace {

constexpr std::size_t kMaxName = 255;  // distribution-spec: clients may limit <domain>/<repository> to this
constexpr std::size_t kMaxTag = 128;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }

/// Reports what is wrong with one part of a reference.
class Complaint {
 public:
  explicit Complaint(std::string_view text) : text_{text} {}

  template <typename... Parts>
  [[noreturn]] void operator()(const Parts&... parts) const {
    throw Error{"image reference ", quote(text_.substr(0, 300)), ": ", parts...};
  }

 private:
  std::string_view text_;
};

/// [a-z0-9]+ joined by one '.', one or two '_', or any number of '-'.
bool is_path_component(std::string_view text) {
  std::size_t i = 0;
  const auto word = [&] {
    const std::size_t start = i;
    while (i < text.size() && (is_lower(text[i]) || is_digit(text[i]))) ++i;
    return i > start;
  };
  const auto separator = [&] {
    const char c = text[i];
    const std::size_t start = i;
    while (i < text.size() && text[i] == c) ++i;
    const std::size_t length = i - start;
    return c == '-' || (c == '_' && length <= 2) || (c == '.' && length == 1);
  };
  if (!word()) return false;
  while (i < text.size()) {
    if (!separator() || !word()) return false;
  }
  return true;
}

bool is_host_component(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_host_name(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_host_component(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// "[…]" with the characters of an IPv6 address; whether it is one the resolver will say.
bool is_ipv6_literal(std::string_view text) {
  return text.size() > 4 && text.front() == '[' && text.back() == ']' &&
         std::all_of(text.begin() + 1, text.end() - 1, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
         });
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 && value <= 65535;
}

void check_domain(std::string_view domain, const Complaint& complain) {
  std::string_view host = domain;
  const std::size_t colon = domain.rfind(':');
  if (colon != std::string_view::npos && domain.back() != ']') {
    host = domain.substr(0, colon);
    if (!is_port(domain.substr(colon + 1))) {
      complain("port ", quote(domain.substr(colon + 1)), " of the registry is not a number from 1 to 65535");
    }
  }
  if (!is_host_name(host) && !is_ipv6_literal(host)) complain("registry ", quote(host), " is not a host name");
}

void check_repository(std::string_view repository, const Complaint& complain) {
  for (std::string_view rest = repository;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    if (component.empty()) complain("the repository has an empty component");
    if (std::any_of(component.begin(), component.end(), is_upper)) {
      complain("repository component ", quote(component), " has upper-case letters; write it in lower case");
    }
    if (!is_path_component(component)) {
      complain("repository component ", quote(component),
               " must be lower-case letters and digits, joined by '.', '_', '__' or dashes");
    }
    if (slash == std::string_view::npos) return;
    rest.remove_prefix(slash + 1);
  }
}

void check_tag(std::string_view tag, const Complaint& complain) {
  if (tag.empty()) complain("the tag after ':' is empty");
  if (tag.size() > kMaxTag) complain("the tag has ", tag.size(), " characters, at most ", kMaxTag, " are allowed");
  const bool good = tag.front() != '.' && tag.front() != '-' && std::all_of(tag.begin(), tag.end(), [](char c) {
                      return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
                    });
  if (!good) {
    complain("tag ", quote(tag), " must be letters, digits, '_', '.' and '-', not starting with '.' or '-'");
  }
}

bool names_a_host(std::string_view component) {
  return component.find_first_of(".:") != std::string_view::npos || component == "localhost";
}

/// spec yaml.md §9: short names belong to the default registry.
std::string expand(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return concat(kDefaultDomain, "/library/", name);
  if (std::count(name.begin(), name.end(), '/') > 1 || names_a_host(name.substr(0, slash))) return std::string{name};
  return concat(kDefaultDomain, "/", name);
}

}  // namespace

Reference Reference::parse(std::string_view text) { return parse(text, false); }
Reference Reference::parse_located(std::string_view text) { return parse(text, true); }

Reference Reference::parse(std::string_view text, bool is_located) {
  const Complaint complain{text};
  Reference reference;
  std::string_view name = text;
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    try {
      reference.digest_ = Digest::parse(name.substr(at + 1));
    } catch (const Error& error) {
      complain(error.message());
    }
    name = name.substr(0, at);
  }
  const std::size_t last_slash = name.rfind('/');
  const std::size_t colon = name.find(':', last_slash == std::string_view::npos ? 0 : last_slash);
  if (colon != std::string_view::npos) {
    check_tag(name.substr(colon + 1), complain);
    reference.tag_ = std::string{name.substr(colon + 1)};
    name = name.substr(0, colon);
  }
  if (name.empty()) complain("it has no name");
  const std::string full = is_located ? std::string{name} : expand(name);
  const std::size_t slash = full.find('/');
  if (slash == std::string::npos) complain("it has a registry and no repository");
  reference.domain_ = full.substr(0, slash);
  reference.repository_ = full.substr(slash + 1);
  check_domain(reference.domain_, complain);
  check_repository(reference.repository_, complain);
  if (full.size() > kMaxName) complain("its name has ", full.size(), " characters, at most ", kMaxName, " are allowed");
  return reference;
}

std::string Reference::canonical() const {
  if (digest_) return locator() + "@" + digest_->to_string();
  return tag_ ? locator() + ":" + *tag_ : locator();
}

}  // namespace kiln::oci
