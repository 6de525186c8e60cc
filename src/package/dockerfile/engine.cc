#include "package/dockerfile/engine.h"

#include <cstdlib>

#include "base/error.h"

namespace kiln::package {
namespace {

constexpr char kHint[] =
    "install buildah (apt-get install buildah), or choose another engine with --engine or KILN_ENGINE: podman, docker "
    "(with buildx), or buildctl for a BuildKit at BUILDKIT_HOST";

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool has_buildx() { return find_program("docker") && run({{"docker", "buildx", "version"}, {}, {}, {}}).status == 0; }

std::string first_there() {
  if (find_program("buildah")) return "buildah";
  if (find_program("podman")) return "podman";
  if (is_set("BUILDKIT_HOST") && find_program("buildctl")) return "buildctl";
  if (has_buildx()) return "docker";
  throw Error{"no program is here that builds Dockerfiles"}.with_hint(kHint);
}

void require(const std::string& program) {
  if (!find_program(program)) throw Error{"engine ", quote(program), ": it is not installed"}.with_hint(kHint);
}

bool is_safe(std::string_view word) {
  return !word.empty() && word.find_first_not_of(
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "-_=+:,./@%") == std::string_view::npos;
}

}  // namespace

std::unique_ptr<Engine> make_engine(const EngineOptions& options) {
  std::string name = options.name;
  if (name.empty()) {
    const char* variable = std::getenv("KILN_ENGINE");
    name = variable != nullptr && *variable != '\0' ? variable : first_there();
  }
  if (name != "buildah" && name != "podman" && name != "buildctl" && name != "docker") {
    throw Error{"engine ", quote(name), ": expected buildah, podman, docker or buildctl"};
  }
  require(name);
  if (name == "buildah") return make_buildah(options.storage);
  if (name == "podman") return make_podman();
  if (name == "buildctl") return make_buildctl();
  if (!has_buildx()) {
    throw Error{"engine 'docker': it has no buildx"}.with_hint("install docker-buildx, or choose another engine");
  }
  return make_docker(options.builder);
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (is_safe(word)) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string{"'\\''"} : std::string{c};
    line += '\'';
  }
  return line;
}

}  // namespace kiln::package
