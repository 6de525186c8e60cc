#include "base/error.h"
#include "publish/os_artifact.h"

// A manifest that is taken must also be written, and its script made or refused in words.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kiln;
  try {
    const std::string_view json{reinterpret_cast<const char*>(data), size};
    const publish::OsArtifact artifact = publish::parse_os_artifact(oci::parse_manifest(json, "fuzz"), "fuzz");
    const std::string written = to_json(publish::to_manifest(artifact));
    const publish::OsArtifact again = publish::parse_os_artifact(oci::parse_manifest(written, "fuzz"), "fuzz");
    if (publish::blobs_of(again).size() != publish::blobs_of(artifact).size()) __builtin_trap();
    publish::IpxeScript script = publish::script_of(artifact, "quiet");
    script.beside_script = true;
    static_cast<void>(to_text(script));
  } catch (const Error&) {
  }
  return 0;
}
