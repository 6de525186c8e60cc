#include "netboot/script.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "publish/ipxe_script.h"

namespace kiln::netboot {
namespace {

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "ffff1f00" is 0x001fffff.
std::optional<std::uint64_t> little_endian(std::string_view hex) {
  std::uint64_t value = 0;
  for (std::size_t i = hex.size(); i >= 2; i -= 2) {
    const auto byte = number(hex.substr(i - 2, 2), 16);
    if (!byte) return std::nullopt;
    value = value << 8 | *byte;
  }
  return value;
}

/// Bytes of one SMBIOS range; 0 when it says nothing (all ones: the addresses are beyond 4 TiB, in other fields).
std::uint64_t range_size(std::string_view hex) {
  constexpr std::size_t kDigits = 16;
  constexpr std::uint64_t kElsewhere = 0xffffffff;
  if (hex.size() != kDigits) return 0;
  const auto start = little_endian(hex.substr(0, kDigits / 2));
  const auto end = little_endian(hex.substr(kDigits / 2));
  if (!start || !end || *start == kElsewhere || *end < *start) return 0;
  return (*end - *start + 1) << 10;
}

/// Long lines wrap badly on 80 columns.
std::vector<std::string> wrap(const std::string& text) {
  constexpr std::size_t kColumns = 76;
  std::vector<std::string> lines{""};
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > kColumns) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    at = end + 1;
  }
  return lines;
}

std::string echo(const std::string& text) {
  std::string script;
  for (const std::string& line : wrap(script_text(text))) script += concat("echo ", line, "\n");
  return script;
}

}  // namespace

std::string script_query_template() {
  return "mac=${mac:hexhyp}&uuid=${uuid}&serial=${serial:uristring}&arch=${arch}&platform=${platform}&ip=${ip}"
         "&memsize=${memsize}&range=${smbios/0.19.4.8:hexraw}&range=${smbios/1.19.4.8:hexraw}";
}

std::uint64_t memory_of(std::string_view memsize, const std::vector<std::string_view>& mapped_ranges) {
  if (const auto mega = number(memsize, 10); mega && *mega != 0 && *mega < (std::uint64_t{1} << 32)) return *mega << 20;
  std::uint64_t sum = 0;
  for (const std::string_view range : mapped_ranges) sum += range_size(range);
  return sum;
}

std::string first_script(const std::string& base_url) {
  publish::check_script_url(base_url, "base URL");
  // BIOS iPXE is a 32-bit program, whatever the processor: extended feature 29 is long mode.
  return concat(
      "#!ipxe\n"
      "set arch ${buildarch}\n"
      "iseq ${arch} i386 && cpuid --ext 29 && set arch x86_64 ||\n"
      ":again\n"
      "chain --autofree ",
      base_url, "/script?", script_query_template(),
      " && exit ||\n"
      "echo Trying again in 10 seconds; Ctrl-C stops that\n"
      "sleep 10 || shell\n"
      "goto again\n");
}

std::string autoexec_script(const std::string& base_url) {
  publish::check_script_url(base_url, "base URL");
  // Even if ${ip} is set: iPXE takes it from the lease of the firmware before it has opened the card, so that nothing
  // can be sent.
  return concat("#!ipxe\ndhcp\nchain --autofree --replace ", base_url, "/boot.ipxe\n");
}

std::string machine_script(const MachineScript& script) {
  publish::IpxeScript text;
  text.architecture = script.image.architecture;
  // Who fetches stands in the URL: behind a router, or before an address is known, only that tells machines apart.
  text.base_url = concat(script.base_url, "/os/", script.image.id, script.mac ? "@" + script.mac->to_hyphens() : "");
  text.kernel = {"kernel", "kernel"};
  for (std::size_t i = 0; i < script.image.initramfs.size(); ++i) {
    text.initrds.push_back({script.image.initramfs[i].name, concat("s", i + 1)});
  }
  text.dhcp = "";  // it has an address: this script came over it
  text.console = script.console;
  text.cmdline = script.image.cmdline;
  while (!text.cmdline.empty() && (text.cmdline.back() == '\n' || text.cmdline.back() == ' ')) text.cmdline.pop_back();
  for (const std::string& argument : script.kernel_args) text.cmdline += " " + argument;
  if (script.report) {
    text.cmdline +=
        concat(" kiln.report=", script.base_url, "/report", script.mac ? "/" + script.mac->to_hyphens() : "");
  }
  if (!script.title.empty()) text.first_lines.push_back("echo " + script_text(script.title));
  return publish::to_text(text);
}

std::string refusal_script(const std::string& reason) {
  return concat("#!ipxe\n", echo(reason),
                "prompt --key s --timeout 30000 Press s for a shell && shell ||\n"
                "exit 1\n");
}

std::string waiting_script(const std::string& what, const std::string& url) {
  publish::check_script_url(url, "URL of the script");
  return concat("#!ipxe\n", echo(what), "sleep 1\nchain --autofree --replace ", url, "\n");
}

std::string nothing_script() { return "#!ipxe\necho Nothing to boot for this machine here\nexit 0\n"; }

std::string script_text(std::string_view text) {
  // '#' would begin a comment, '\\' join lines, ';', '&' and '|' end the command, '$' be replaced.
  constexpr std::string_view kPlain = " !'()*+,-./:<=>?@[]_~%";
  std::string plain;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) == 0x80) continue;  // the rest of a character that has its '?' already
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    plain += letter || kPlain.find(c) != std::string_view::npos ? c : c == ';' ? ',' : '?';
  }
  return plain;
}

}  // namespace kiln::netboot
