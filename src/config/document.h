#pragma once

#include <string>
#include <vector>

#include "config/decoder.h"
#include "config/node.h"
#include "config/outputs.h"
#include "config/system.h"
#include "config/volumes.h"

namespace kiln::config {

/// What one YAML file says, before files are merged.
struct Document {
  System system;
  std::vector<VolumeUse> volume_uses;
  std::vector<std::pair<std::string, Position>> service_positions;  ///< of the names
  std::vector<OutputFormat> outputs;
};

/// Reads a whole YAML document (spec yaml.md §2-7); mistakes go to the decoder.
Document decode_document(Decoder& decoder, const Node& root);

/// Reads one element of `files` (§6) by its rules.
void decode_file(Decoder& decoder, const Place& place, const Node& node, File& out);

}  // namespace kiln::config
