#include "cli/yaml_input.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/human.h"
#include "cli/context.h"
#include "cli/images.h"
#include "http/client.h"

namespace kiln::cli {
namespace {

constexpr std::size_t kMost = std::size_t{16} << 20;

bool is_url(const std::string& word) { return word.starts_with("http://") || word.starts_with("https://"); }

/// Ends the transfer of what cannot be a configuration.
struct BoundedText final : Sink {
  void write(Bytes data) override {
    if (text.size() + data.size() > kMost)
      throw Error{"it has more than ", human_size(kMost), ", which no configuration has"};
    text.append(as_text(data));
  }
  std::string text;
};

/// LinuxKit does not look at the status and takes a page that says "not found" for YAML (spec yaml.md, quirk 11).
std::string download(Context& context, const std::string& url) {
  const auto activity = context.reporter().start("download", url, 0);
  http::Client client{registry_options(context)};
  http::ClientRequest request;
  request.url = url;
  BoundedText body;
  try {
    const http::Reply reply = client.perform(request, [&](const http::Reply&) { return &body; });
    if (reply.status != 200) throw Error{"the server answered ", reply.status, ", expected 200"};
  } catch (const Error& error) {
    throw error.within("reading ", quote(url));
  }
  activity->finish(human_size(body.text.size()));
  return std::move(body.text);
}

config::Input read_input(Context& context, const std::string& word) {
  if (word == "-") {
    FdSource input{STDIN_FILENO, "standard input"};
    return {"-", read_text(input, kMost, "standard input"), "."};
  }
  if (is_url(word)) return {word, download(context, word), ""};  // with no directory for @pkg: to start from
  const std::filesystem::path directory = std::filesystem::path{word}.parent_path();
  return {word, read_file(word, kMost), directory.empty() ? "." : directory.native()};
}

}  // namespace

std::vector<config::Input> read_inputs(Context& context, const std::vector<std::string>& words) {
  if (std::count(words.begin(), words.end(), "-") > 1) throw Error{"'-' is given twice: standard input ends only once"};
  std::vector<config::Input> inputs;
  inputs.reserve(words.size());
  for (const std::string& word : words) inputs.push_back(read_input(context, word));
  return inputs;
}

std::string default_name(const std::vector<std::string>& words) {
  std::string last = words.back();
  if (is_url(last)) {
    last.erase(0, last.find("//") + 2);
    last.resize(std::min(last.find_first_of("?#"), last.size()));
    last.erase(0, std::min(last.find('/'), last.size()));  // the host is no name
  }
  const std::string name = std::filesystem::path{last}.stem().native();
  return name.empty() || last == "-" ? "moby" : name;
}

}  // namespace kiln::cli
