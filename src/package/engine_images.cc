#include "package/engine_images.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/program_output.h"
#include "oci/import.h"
#include "oci/json.h"

namespace kiln::package {
namespace {

/// Of an entry in the store: what the engine called the image it came from.
constexpr char kEngineId[] = "org.kiln.engine.id";

/// Docker's command is there on many machines whose daemon is not.
bool answers(const std::string& docker) {
  return run({{docker, "version", "--format", "{{.Server.Version}}"}, {}, {}, {}}).status == 0;
}

/// Not a reference, so that no YAML can name it: an image that an engine has may be another than the registry's.
std::string name_in_store(const std::string& program, const std::string& name) {
  return concat(program, "-daemon:", name);
}

/// The image a descriptor stands for, if all of it is there.
std::optional<oci::Image> open(const oci::Reference& reference, const oci::Descriptor& descriptor,
                               const oci::Store& store) {
  if (!store.has(descriptor)) return std::nullopt;
  const std::string name = quote(reference.canonical());
  oci::Image image{
      reference, descriptor, oci::parse_manifest(store.read(descriptor), concat("manifest of ", name)), {}};
  if (!store.has(image.manifest.config)) return std::nullopt;
  for (const oci::Descriptor& layer : image.manifest.layers) {
    if (!store.has(layer)) return std::nullopt;
  }
  image.config = oci::parse_image_config(store.read(image.manifest.config), concat("config of ", name));
  return image;
}

}  // namespace

EngineImages EngineImages::find(const std::string& option) {
  if (find_program("docker") && answers("docker")) return EngineImages{"docker"};
  if (find_program("podman")) return EngineImages{"podman"};
  throw Error{option, ": no docker answers, and there is no podman"}.with_hint("start docker, or install podman");
}

std::optional<oci::Image> EngineImages::image(const oci::Reference& reference, const oci::Platform& platform,
                                              oci::Store& store) const {
  const std::string name = reference.canonical();
  try {
    const std::optional<Found> found = inspect(name);
    if (!found || !found->platform.matches(platform)) return std::nullopt;
    const auto known = store.find(name_in_store(program_, name));
    if (known) {
      const auto id = known->annotations.find(kEngineId);
      if (id != known->annotations.end() && id->second == found->id) {
        if (auto image = open(reference, *known, store)) return image;
      }
    }
    return open(reference, take(name, found->id, store), store);
  } catch (const Error& error) {
    throw error.within("taking ", quote(name), " from ", program_);
  }
}

std::optional<EngineImages::Found> EngineImages::inspect(const std::string& name) const {
  const CommandResult result = run({{program_, "image", "inspect", name}, {}, {}, {}});
  if (result.status != 0) return std::nullopt;  // it has none of that name
  const std::string what = concat("what '", program_, " image inspect' says");
  const nlohmann::json parsed = oci::parse_json(result.output, what);
  const std::vector<oci::JsonView> images = oci::JsonView{parsed, what}.items();
  if (images.size() != 1) throw Error{what, ": expected one image, got ", images.size()};
  const oci::JsonView& image = images.front();
  return Found{image.required("Id").text(), {image.text("Os"), image.text("Architecture"), image.text("Variant")}};
}

oci::Descriptor EngineImages::take(const std::string& name, const std::string& id, oci::Store& store) const {
  ProgramOutput archive{{{program_, "image", "save", name}, {}, {}, {}}};
  oci::Descriptor image;
  try {
    image = oci::import_image(archive, concat("what '", program_, " image save' writes"), store);
  } catch (const SysError&) {
    throw;
  } catch (const Error&) {
    archive.finish();  // if it has failed, that is why
    throw;
  }
  archive.finish();
  image.annotations[kEngineId] = id;
  store.set(name_in_store(program_, name), image);
  return image;
}

void EngineImages::load(const std::vector<ArchivedImage>& images, const oci::Store& store) const {
  const TempDir directory;
  AtomicFile file{directory.path() / "images.tar"};
  write_docker_archive(images, store, file.sink());
  file.commit();
  run_checked({{program_, "load", "--input", (directory.path() / "images.tar").string()}, {}, {}, {}});
}

void EngineImages::tag(const std::string& from, const std::string& to) const {
  run_checked({{program_, "tag", from, to}, {}, {}, {}});
}

}  // namespace kiln::package
