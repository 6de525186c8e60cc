#include "netboot/metrics.h"

#include <fmt/format.h>

namespace kiln::netboot {
namespace {

/// exposition_formats.md, "Comments, help text, and type information": backslash, quote and line feed are escaped.
std::string label_value(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP kiln_{} {}\n# TYPE kiln_{} {}\n", name, help, name, type);
  }
  template <typename Value>
  void sample(Value value) {
    text_ += fmt::format("kiln_{} {}\n", name_, value);
  }
  template <typename Value>
  void sample(std::string_view label, std::string_view label_text, Value value) {
    text_ += fmt::format("kiln_{}{{{}=\"{}\"}} {}\n", name_, label, label_value(label_text), value);
  }
  template <typename Value>
  void sample(const Catalog::System& system, Value value) {
    text_ += fmt::format("kiln_{}{{system=\"{}\",architecture=\"{}\"}} {}\n", name_, label_value(system.label),
                         label_value(system.served_architecture()), value);
  }
  /// A family of a single sample.
  template <typename Value>
  void only(std::string_view name, std::string_view type, std::string_view help, Value value) {
    family(name, type, help);
    sample(value);
  }
  /// A family with one sample for each entry.
  template <typename Map>
  void map(std::string_view name, std::string_view help, std::string_view label, const Map& values) {
    family(name, "counter", help);
    for (const auto& [key, value] : values) sample(label, fmt::format("{}", key), value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void write_machines(Writer& writer, const Machines& machines) {
  std::array<std::uint64_t, kStages> by_stage{};
  std::uint64_t with_error = 0;
  machines.for_each([&](const Machine& machine) {
    ++by_stage[static_cast<std::size_t>(machine.stage)];
    with_error += machine.error.empty() ? 0 : 1;
  });
  writer.family("machines", "gauge", "Machines seen, by how far their boot has come.");
  for (std::size_t i = 0; i < kStages; ++i) writer.sample("stage", name_of(static_cast<Stage>(i)), by_stage[i]);
  writer.only("machines_with_error", "gauge", "Machines whose last step failed.", with_error);
  writer.only("machines_forgotten_total", "counter", "Machines dropped because there were too many.",
              machines.forgotten());
}

void write_systems(Writer& writer, const Catalog& catalog) {
  writer.family("builds_total", "counter", "Builds of a system, the first included.");
  for (const Catalog::System& system : catalog.systems()) writer.sample(system, system.builds);
  writer.family("build_failures_total", "counter", "Builds of a system that failed.");
  for (const Catalog::System& system : catalog.systems()) writer.sample(system, system.failures);
  writer.family("build_seconds", "gauge", "How long the last build of a system took.");
  for (const Catalog::System& system : catalog.systems()) {
    writer.sample(system, std::chrono::duration<double>(system.build_time).count());
  }
  writer.family("build_good", "gauge", "1 if the last build of a system was good.");
  for (const Catalog::System& system : catalog.systems()) writer.sample(system, system.error.empty() ? 1 : 0);
  writer.family("initramfs_bytes", "gauge", "Size of the initramfs that is served.");
  for (const Catalog::System& system : catalog.systems()) {
    writer.sample(system, system.image ? system.image->initramfs_size : 0);
  }
}

}  // namespace

std::string metrics_text(const Metrics& metrics, const Machines& machines, const Catalog& catalog) {
  Writer writer;
  writer.only("uptime_seconds", "gauge", "Since the server was started.", metrics.uptime_seconds);
  write_machines(writer, machines);
  writer.map("dhcp_messages_total", "DHCP messages, by what was done about them.", "outcome", metrics.dhcp_messages);
  writer.map("tftp_transfers_total", "TFTP transfers, by how they ended.", "ending", metrics.tftp_transfers);
  writer.only("tftp_transfers", "gauge", "TFTP transfers under way.", metrics.tftp_transfers_now);
  writer.only("tftp_sent_bytes_total", "counter", "Bytes acknowledged by TFTP clients.", metrics.tftp_bytes);
  writer.only("tftp_retransmissions_total", "counter", "TFTP blocks sent again.", metrics.tftp_blocks_resent);
  writer.only("tftp_refused_total", "counter", "TFTP requests that no transfer was started for.", metrics.tftp_refused);
  writer.map("http_responses_total", "HTTP responses, by status.", "status", metrics.http_responses);
  writer.only("http_sent_bytes_total", "counter", "Bytes of HTTP bodies sent.", metrics.http_bytes);
  writer.only("http_cut_total", "counter", "HTTP responses that did not reach their last byte.", metrics.http_cut);
  writer.only("http_connections", "gauge", "HTTP connections open.", metrics.http_connections);
  writer.only("http_transfers", "gauge", "HTTP responses under way.", metrics.http_transfers);
  writer.map("scripts_total", "Scripts given to machines, by what they say.", "outcome", metrics.scripts);
  writer.only("reports_total", "counter", "Calls home of booted systems.", metrics.reports);
  writer.only("log_lines_left_out_total", "counter", "Log lines left out because there were too many.",
              metrics.log_lines_left_out);
  write_systems(writer, catalog);
  return writer.take();
}

}  // namespace kiln::netboot
