#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/reporter.h"
#include "cli/dialect.h"
#include "cli/fields.h"
#include "cli/locations.h"

namespace kiln {
class ThreadPool;
}
namespace kiln::oci {
class Store;
}

namespace kiln::cli {

/// What the options before (or after) the verb say.
struct GlobalOptions {
  std::string cache;  ///< directory of the store; empty: where the dialect has it
  bool quiet = false;
  bool verbose = false;
  bool log_levels = false;  ///< lines as LinuxKit's log has them
  bool json = false;
  unsigned jobs = 0;                             ///< threads; 0: one per processor
  std::vector<std::string> insecure_registries;  ///< HOST[:PORT] to be reached by plain HTTP
  std::vector<std::string> mirrors;              ///< [REGISTRY=]URL, before those of LINUXKIT_MIRROR
  std::vector<std::string> certificate_files;    ///< further CAs, PEM
};

/// What a verb works with: the real store, threads, terminal. Each is made when it is first asked for.
class Context {
 public:
  explicit Context(const Dialect& dialect);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  GlobalOptions options;

  const Dialect& dialect() const { return dialect_; }
  Reporter& reporter();
  oci::Store& store();  ///< opens or creates it; throws Error
  ThreadPool& pool();
  const Locations& locations();

  /// Writes to standard output, whatever the options; throws SysError.
  void print(std::string_view text);
  /// A line on standard output while work goes on: what shows it goes on too.
  void tell(std::string_view line);
  /// Writes to standard error.
  void print_error(std::string_view text);
  /// What the command was asked for: the object with --json, otherwise the text (lines, each ended), both on stdout.
  void result(std::string_view text, const Fields& object);
  /// Ends the live display: whatever is written to the terminal from now on stays.
  void end_progress();
  /// Tells the user that the command failed.
  void show_error(const Error& error);

 private:
  struct Parts;
  const Dialect& dialect_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kiln::cli
