#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kiln::publish {

// Scripts for iPXE (ipxe.org/scripting): what a machine's firmware runs to load a kernel with its initramfs.
//
//     #!ipxe
//     dhcp
//     set base-url http://10.0.0.1/os
//     set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon initrd=arm64-initrd.img
//     initrd ${base-url}/arm64-initrd.img
//     kernel ${base-url}/arm64-kernel ${kernel-params}
//     imgstat
//     boot
//
// iPXE has no quoting: it cuts a line at white space, ends a command at the words `&&`, `||` and `;`, takes a word that
// begins with # for a comment, joins lines at a backslash and replaces ${…}. What holds any of that is refused, not
// escaped.

/// A file that a script loads.
struct ScriptFile {
  std::string url;   ///< whole; or, if the script has a base URL, relative to that
  std::string name;  ///< what iPXE is to call it (`--name`); empty: the last part of the URL, as iPXE does by itself
};

struct IpxeScript {
  std::string architecture;  ///< Go's name, of the kernel: decides the console
  std::string base_url;      ///< may be empty: the files' URLs are whole
  /// The files lie beside the script, wherever that is: iPXE is told to look there, and there is no base URL.
  bool beside_script = false;
  ScriptFile kernel;
  std::vector<ScriptFile> initrds;  ///< several are concatenated by iPXE, in this order
  std::string cmdline;              ///< the operating system's own

  // What any script may have otherwise. An empty line is left out.
  std::string dhcp = "dhcp";
  std::string parameters = "ip=dhcp nomodeset ro serial";  ///< before the system's own cmdline
  /// "ttyS1,115200", or empty for none. Nothing: the target's first serial port (and on ARM64 `earlycon`), unless the
  /// cmdline names a console.
  std::optional<std::string> console;
  std::vector<std::string> first_lines;  ///< verbatim, before everything is loaded
  std::vector<std::string> last_lines = {"imgstat"};
  std::string boot = "boot";
};

/// The script as text. Throws Error for what cannot stand in one, for an architecture iPXE does not exist for, and for
/// a command line longer than the kernel takes.
std::string to_text(const IpxeScript& script);

/// What LinuxKit's `push equinixmetal` is asked for.
struct LinuxKitScript {
  std::string architecture;  ///< Go's name
  std::string base_url;
  std::string name;  ///< of NAME-kernel and NAME-initrd.img
  std::string cmdline;
};

/// That script byte for byte (spec arm64-ipxe.md §3), with no newline at its end. Throws Error as above.
std::string to_text(const LinuxKitScript& script);

/// The serial console of a machine of that architecture as the kernel names it, "ttyAMA0,115200". Throws Error listing
/// the architectures iPXE exists for.
std::string serial_console(const std::string& architecture);

/// Throw Error, beginning with `what`, for what cannot be in a script: a URL, or words of a command.
void check_script_url(const std::string& url, const std::string& what);
void check_script_words(const std::string& words, const std::string& what);

}  // namespace kiln::publish
