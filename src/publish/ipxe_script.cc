#include "publish/ipxe_script.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "base/error.h"

namespace kiln::publish {
namespace {

/// What is special about a kind of machine.
struct Target {
  std::string_view architecture;
  std::string_view console;
  bool earlycon;                ///< it says by itself (SPCR or device tree) which port that is
  std::size_t longest_cmdline;  ///< COMMAND_LINE_SIZE of its kernel, less the NUL
};

constexpr std::array<Target, 4> kTargets = {{
    {"arm64", "ttyAMA0,115200", true, 2047},
    {"amd64", "ttyS0,115200", false, 2047},
    {"386", "ttyS0,115200", false, 2047},
    {"riscv64", "ttyS0,115200", true, 1023},
}};

const Target& target_of(const std::string& architecture) {
  std::string all;
  for (const Target& target : kTargets) {
    if (target.architecture == architecture) return target;
    all += concat(all.empty() ? "" : ", ", target.architecture);
  }
  throw Error{"there is no iPXE for ", quote(architecture), ": expected one of ", all};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

void check_line(const std::string& text, const std::string& what) {
  if (std::any_of(text.begin(), text.end(), is_control)) {
    throw Error{what, " ", quote(text), ": a line of an iPXE script has no control characters"};
  }
  if (text.ends_with('\\'))
    throw Error{what, " ", quote(text), ": a backslash at its end would join it to the next line"};
}

void check_settings(const std::string& text, const std::string& what) {
  if (text.find("${") != std::string::npos) {
    throw Error{what, " ", quote(text), ": iPXE would replace what follows \"${\""};
  }
}

/// A file's name or path below the base URL: what stands in a URL for itself.
void check_path(const std::string& path, const std::string& what) {
  const auto stands_for_itself = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._~:@+,=/"}.find(c) != std::string_view::npos;
  };
  if (path.empty() || path.front() == '/' || !std::all_of(path.begin(), path.end(), stands_for_itself)) {
    throw Error{what, " ", quote(path), ": expected letters, digits and -._~:@+,=/ only, as it becomes part of a URL"};
  }
}

std::string last_part(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  return path.substr(path.rfind('/') + 1);
}

/// The name iPXE gives an image, which the kernel is told by `initrd=NAME`.
std::string name_of(const ScriptFile& file) { return file.name.empty() ? last_part(file.url) : file.name; }

/// ${cwduri}, the URL of the directory that the script came from, ends in a slash.
std::string_view base_of(const IpxeScript& script) {
  if (script.beside_script) return "${base-url}";
  return script.base_url.empty() ? "" : "${base-url}/";
}

std::string load_command(std::string_view command, const ScriptFile& file, const IpxeScript& script) {
  const std::string_view base = base_of(script);
  if (base.empty()) {
    check_script_url(file.url, concat(command, " URL"));
  } else {
    check_path(file.url, concat(command, " file"));
  }
  check_path(name_of(file), concat(command, " name"));
  const std::string name = file.name.empty() ? "" : concat(" --name ", file.name);
  return concat(command, name, " ", base, file.url);
}

bool names_console(const std::string& cmdline) {
  std::istringstream words{cmdline};
  for (std::string word; words >> word;) {
    if (word.starts_with("console=")) return true;
  }
  return false;
}

std::string console_parameters(const IpxeScript& script, const Target& target) {
  if (script.console) return script.console->empty() ? "" : concat("console=", *script.console);
  if (names_console(script.cmdline)) return {};
  return concat("console=", target.console, target.earlycon ? " earlycon" : "");
}

std::string one_line(std::string cmdline) {
  while (!cmdline.empty() && (cmdline.back() == '\n' || cmdline.back() == ' ')) cmdline.pop_back();
  return cmdline;
}

std::string kernel_parameters(const IpxeScript& script, const Target& target) {
  std::string text;
  const auto add = [&text](const std::string& words) {
    if (!words.empty()) text += concat(text.empty() ? "" : " ", words);
  };
  check_script_words(script.parameters, "kernel parameters");
  add(script.parameters);
  const std::string console = console_parameters(script, target);
  check_script_words(console, "console");
  add(console);
  const std::string cmdline = one_line(script.cmdline);
  check_script_words(cmdline, "kernel command line");
  add(cmdline);
  for (const ScriptFile& initrd : script.initrds) add(concat("initrd=", name_of(initrd)));
  // iPXE puts the kernel's name before it.
  const std::size_t size = name_of(script.kernel).size() + 1 + text.size();
  if (size > target.longest_cmdline) {
    throw Error{"the kernel's command line would have ",
                size,
                " bytes; an ",
                target.architecture,
                " kernel takes ",
                target.longest_cmdline}
        .with_hint("shorten the cmdline of the system, or give other --parameters");
  }
  return text;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

std::string serial_console(const std::string& architecture) { return std::string{target_of(architecture).console}; }

void check_script_url(const std::string& url, const std::string& what) {
  check_line(url, what);
  check_settings(url, what);
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos || scheme == 0 || url.size() == scheme + 3) {
    throw Error{what, " ", quote(url), ": expected SCHEME://HOST/…, for example http://10.0.0.1/os"};
  }
  if (url.find_first_of(" \"<>\\^`{|}") != std::string::npos) {
    throw Error{what, " ", quote(url), ": a URL has no spaces and none of \"<>\\^`{|}"}.with_hint(
        "write them as % and two hexadecimal digits");
  }
}

void check_script_words(const std::string& words, const std::string& what) {
  check_line(words, what);
  check_settings(words, what);
  std::istringstream in{words};
  for (std::string word; in >> word;) {
    if (word == "&&" || word == "||" || word == ";" || word.starts_with('#')) {
      throw Error{what, " ", quote(words), ": iPXE would end the command at the word ", quote(word)};
    }
  }
}

std::string to_text(const IpxeScript& script) {
  const Target& target = target_of(script.architecture);
  std::string text = "#!ipxe\n";
  const auto add = [&text](const std::string& line) {
    check_line(line, "line");
    if (!line.empty()) text += line + "\n";
  };
  add(script.dhcp);
  for (const std::string& line : script.first_lines) add(line);
  if (script.beside_script) {
    add("set base-url ${cwduri}");
  } else if (!script.base_url.empty()) {
    check_script_url(script.base_url, "base URL");
    add(concat("set base-url ", without_slash(script.base_url)));
  }
  const std::string parameters = kernel_parameters(script, target);
  if (!parameters.empty()) add(concat("set kernel-params ", parameters));
  for (const ScriptFile& initrd : script.initrds) add(load_command("initrd", initrd, script));
  add(concat(load_command("kernel", script.kernel, script), parameters.empty() ? "" : " ${kernel-params}"));
  for (const std::string& line : script.last_lines) add(line);
  add(script.boot);
  return text;
}

std::string to_text(const LinuxKitScript& script) {
  target_of(script.architecture);
  check_script_url(script.base_url, "base URL");
  check_path(script.name, "name");
  check_script_words(script.cmdline, "kernel command line");
  const std::string head = concat("#!ipxe\n\ndhcp\nset base-url ", script.base_url, "\n");
  if (script.architecture == "arm64") {
    return concat(head, "initrd --name initrd ${base-url}/", script.name, "-initrd.img\n",
                  "set kernel-params ip=dhcp nomodeset ro ", script.cmdline, "\n", "kernel ${base-url}/", script.name,
                  "-kernel initrd=initrd root=/dev/ram0 ${kernel-params}\nboot");
  }
  const bool has_console = script.cmdline.find("console=ttyS1") != std::string::npos;
  return concat(head, "set kernel-params ip=dhcp nomodeset ro serial ", has_console ? "" : "console=ttyS1,115200", " ",
                script.cmdline, "\n", "kernel ${base-url}/", script.name, "-kernel ${kernel-params}\n",
                "initrd ${base-url}/", script.name, "-initrd.img\nboot");
}

}  // namespace kiln::publish
