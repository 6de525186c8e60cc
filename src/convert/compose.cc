#include "convert/compose.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "config/node.h"
#include "convert/compose_reader.h"
#include "convert/compose_service.h"
#include "convert/service.h"
#include "convert/service_text.h"

namespace kiln::convert {
namespace {

using config::Node;

/// Services know each other by name: all are at home here.
std::string hosts_text(const std::vector<std::string>& services, const std::map<std::string, std::string>& others) {
  std::string text = "127.0.0.1 localhost\n::1 localhost\n";
  for (const std::string& service : services) text += concat("127.0.0.1 ", service, "\n");
  for (const auto& [name, address] : others) text += concat(address, " ", name, "\n");
  return text;
}

void check_top(const Node& root, ComposeReader& reader) {
  for (const auto& [key, value] : root.entries) {
    const std::string& name = key->text;
    if (name == "services" || name == "volumes" || name == "version" || name == "name" || name.starts_with("x-"))
      continue;
    if (name == "networks") continue;  // each service that names one gets a remark
    reader.remark(*key, concat(quote(name), " has no counterpart and is left out"));
  }
}

/// The services of the file; those that are no mappings are told.
std::vector<ComposeService> read_services(const Node& services, ComposeReader& reader) {
  std::vector<ComposeService> out;
  for (const auto& [key, value] : services.entries) {
    if (value->kind == Node::Kind::mapping) {
      out.push_back(read_service(key->text, *value, reader));
    } else {
      reader.error(*value, concat("service ", quote(key->text), ": expected a mapping"));
    }
  }
  return out;
}

std::set<std::string> declared_volumes(const Node& root) {
  std::set<std::string> names;
  if (const Node* volumes = root.find("volumes")) {
    for (const auto& [key, value] : volumes->entries) names.insert(key->text);
  }
  return names;
}

/// Services know each other by name.
FileEntry hosts_file(const std::vector<ComposeService>& services) {
  std::vector<std::string> names;
  std::map<std::string, std::string> others;
  for (const ComposeService& service : services) {
    names.push_back(service.name);
    others.insert(service.extra_hosts.begin(), service.extra_hosts.end());
  }
  return {"etc/hosts", "", hosts_text(names, others), false};
}

}  // namespace

Conversion convert_compose(const std::string& text, const std::string& file, const Surroundings& surroundings) {
  ComposeReader reader{surroundings, file};
  const config::NodePtr root = config::parse_yaml(text, file, reader.diagnostics(), {});
  reader.diagnostics().throw_if_any();
  const Node* services = root->find("services");
  if (services == nullptr || services->kind != Node::Kind::mapping || services->entries.empty()) {
    throw Error{file, ": it has no services: it is not a compose file"};
  }
  check_top(*root, reader);
  const std::set<std::string> volumes = declared_volumes(*root);
  const std::vector<ComposeService> composed = read_services(*services, reader);
  std::vector<Service> converted;
  std::vector<FileEntry> files{hosts_file(composed)};
  for (const ComposeService& service : composed) {
    if (auto translated = translate(service, volumes, reader, files)) converted.push_back(*std::move(translated));
  }
  reader.diagnostics().throw_if_any();
  std::vector<Remark> remarks = reader.take_remarks();
  std::stable_sort(remarks.begin(), remarks.end(),
                   [](const Remark& a, const Remark& b) { return a.where.line < b.where.line; });
  return {system_text(file, converted, files), std::move(remarks)};
}

}  // namespace kiln::convert
