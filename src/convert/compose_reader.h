#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"
#include "convert/compose.h"

namespace kiln::convert {

/// Reads the values of a compose file, with their variables substituted, and collects what there is to say about them:
/// mistakes, and what the system has differently. What it is made with must outlive it.
class ComposeReader {
 public:
  ComposeReader(const Surroundings& surroundings, std::string file)
      : surroundings_{surroundings}, file_{std::move(file)} {}

  const Surroundings& surroundings() const { return surroundings_; }
  config::Diagnostics& diagnostics() { return diagnostics_; }
  std::vector<Remark> take_remarks() { return std::move(remarks_); }

  void error(const config::Node& node, std::string message, std::string hint = "");
  void remark(const config::Node& node, std::string message);

  /// A scalar.
  std::string text(const config::Node& node);
  /// A list of texts, or one text as a list of one.
  std::vector<std::string> texts(const config::Node& node);
  bool flag(const config::Node& node);
  /// A mapping, or a list of NAME=VALUE. A name without a value has the environment's, if it has one.
  std::map<std::string, std::string> pairs(const config::Node& node);

 private:
  config::Position position(const config::Node& node) const { return {file_, node.line, node.column}; }

  const Surroundings& surroundings_;
  std::string file_;
  config::Diagnostics diagnostics_;
  std::vector<Remark> remarks_;
};

}  // namespace kiln::convert
