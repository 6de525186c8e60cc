#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/verbs.h"
#include "convert/compose.h"
#include "package/build.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostText = std::size_t{16} << 20;

struct ConvertOptions {
  std::string file, output = "-", architecture;
  bool offline = false;
};

/// What of the host a compose file may refer to: everything beside it, the environment, and images.
class Host {
 public:
  Host(Context& context, const ConvertOptions& options)
      : context_{context},
        options_{options},
        directory_{fs::path{options.file}.parent_path()},
        platform_{options.architecture.empty() ? oci::Platform::of_host()
                                               : oci::Platform::parse(options.architecture)} {
    const fs::path file = directory_ / ".env";
    std::error_code error;
    if (fs::exists(file, error)) dot_env_ = convert::parse_env_file(read_file(file, kMostText), file.native());
  }

  convert::Surroundings surroundings() {
    return {[this](const std::string& name) { return variable(name); },
            [this](const std::string& path) { return read_file(place(path), kMostText); },
            [this](const std::string& path) { return files(path); },
            [this](const std::string& image) { return image_config(image); }};
  }

 private:
  std::optional<std::string> variable(const std::string& name) const {
    if (const char* value = std::getenv(name.c_str())) return value;
    const auto found = dot_env_.find(name);
    return found == dot_env_.end() ? std::nullopt : std::optional{found->second};
  }

  fs::path place(const std::string& path) const {
    const char* home = std::getenv("HOME");
    if (path.starts_with("~/") && home != nullptr) return fs::path{home} / path.substr(2);
    return directory_ / path;
  }

  std::optional<std::vector<std::string>> files(const std::string& path) const {
    const fs::path root = place(path);
    std::error_code error;
    if (fs::is_regular_file(root, error)) return std::vector<std::string>{""};
    if (!fs::is_directory(root, error)) return std::nullopt;
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
      if (entry.is_regular_file()) out.push_back(entry.path().lexically_relative(root).native());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  std::optional<oci::ImageConfig> image_config(const std::string& image) {
    const oci::Reference reference = oci::Reference::parse(image);
    try {
      if (options_.offline) {
        const auto found = oci::find_image(context_.store(), reference, platform_);
        return found ? std::optional{found->config} : std::nullopt;
      }
      if (!fetch_.image) fetch_ = image_fetcher(context_, false);
      return fetch_(reference, platform_).config;
    } catch (const Error& error) {
      context_.reporter().warning(error.message());
      return std::nullopt;
    }
  }

  Context& context_;
  const ConvertOptions& options_;
  fs::path directory_;
  oci::Platform platform_;
  std::map<std::string, std::string> dot_env_;
  build::ImageFetcher fetch_;
};

int run_convert(Context& context, const ConvertOptions& options) {
  Host host{context, options};
  const convert::Conversion conversion =
      convert::convert_compose(read_file(options.file, kMostText), options.file, host.surroundings());
  std::vector<Fields> remarks;
  for (const convert::Remark& remark : conversion.remarks) {
    context.reporter().warning(concat(remark.where.to_string(), ": ", remark.message));
    remarks.push_back(Fields{}
                          .add("file", remark.where.file)
                          .add("line", static_cast<std::uint64_t>(remark.where.line))
                          .add("message", remark.message));
  }
  if (options.output != "-") {
    AtomicFile file{options.output};
    file.sink().write(as_bytes(conversion.yaml));
    file.commit();
    context.result(concat(options.output, "\n"),
                   Fields{}.add("output", options.output).add("remarks", std::move(remarks)));
  } else {
    context.result(conversion.yaml, Fields{}.add("yaml", conversion.yaml).add("remarks", std::move(remarks)));
  }
  return 0;
}

}  // namespace

void add_convert(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("convert", "Turn a docker-compose file into a YAML of Kiln's");
  auto options = std::make_shared<ConvertOptions>();
  command->add_option("FILE", options->file, "docker-compose.yml, compose.yaml")->required();
  command->add_option("-o,--output", options->output, "Write it here instead of standard output")->type_name("PATH");
  command->add_option("--arch", options->architecture, "Architecture of which images are looked at")->type_name("ARCH");
  command->add_flag("--offline", options->offline, "Fetch no image: look at those that the cache has");
  on_run(*command, [&context, options] { return run_convert(context, *options); });
}

}  // namespace kiln::cli
