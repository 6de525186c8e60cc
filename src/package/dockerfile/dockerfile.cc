#include "package/dockerfile/dockerfile.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/error.h"

namespace kiln::package {
namespace {

using Arguments = std::map<std::string, std::string, std::less<>>;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// A word of an instruction and where it is in the file.
struct Word {
  std::string text;
  std::size_t offset = 0, length = 0;  // length counts what is in the file, continuations and all
};

/// An instruction: its lines joined, comments gone.
struct Instruction {
  std::size_t line = 1;
  std::vector<Word> words;  // the first is its name
};

/// Takes a Dockerfile apart into instructions.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_{text} {
    if (text_.starts_with("\xEF\xBB\xBF")) position_ = 3;
    read_directives();
  }

  std::optional<Instruction> next() {
    while (position_ < text_.size()) {
      Instruction instruction = read();
      if (!instruction.words.empty()) return instruction;
    }
    return std::nullopt;
  }

 private:
  std::size_t end_of_line(std::size_t from) const { return std::min(text_.find('\n', from), text_.size()); }

  void advance_past(std::size_t end) {
    position_ = std::min(end + 1, text_.size());
    if (end < text_.size()) ++line_;
  }

  static std::string_view trimmed(std::string_view line) {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
    return line;
  }

  /// "# escape=`" in the first lines (Dockerfile reference, "Parser directives").
  void read_directives() {
    std::size_t at = position_;
    while (at < text_.size()) {
      const std::size_t end = end_of_line(at);
      std::string_view line = trimmed(text_.substr(at, end - at));
      const std::size_t equals = line.find('=');
      if (!line.starts_with('#') || equals == std::string_view::npos) return;
      const std::string key = lower(trimmed(line.substr(1, equals - 1)));
      const std::string_view value = trimmed(line.substr(equals + 1));
      if (key == "escape" && value == "`") escape_ = '`';
      at = std::min(end + 1, text_.size());
    }
  }

  /// One instruction, from the line at position_ over all its continuations and here-documents.
  Instruction read() {
    Instruction instruction;
    instruction.line = line_;
    std::optional<Word> word;
    const auto finish_word = [&] {
      if (word) instruction.words.push_back(std::move(*word));
      word.reset();
    };
    for (bool more = true, first = true; more && position_ < text_.size(); first = false) {
      const std::size_t begin = position_;
      const std::size_t end = end_of_line(begin);
      if (!word && instruction.words.empty()) instruction.line = line_;  // comments may precede it
      const std::string_view line = text_.substr(begin, end - begin);
      advance_past(end);
      const std::string_view content = trimmed(line);
      if (content.starts_with('#') || (content.empty() && !first)) continue;  // also inside of an instruction
      std::size_t last = line.size();
      while (last > 0 && is_space(line[last - 1])) --last;
      more = last > 0 && line[last - 1] == escape_;
      if (more) --last;
      for (std::size_t i = 0; i < last; ++i) {
        if (is_space(line[i])) {
          finish_word();
          continue;
        }
        if (!word) word = Word{"", begin + i, 0};
        word->text += line[i];
        word->length = begin + i + 1 - word->offset;
      }
    }
    finish_word();
    skip_here_documents(instruction);
    return instruction;
  }

  /// RUN <<END, COPY <<"END" /file: the lines up to END are not instructions.
  void skip_here_documents(const Instruction& instruction) {
    if (instruction.words.empty()) return;
    const std::string name = lower(instruction.words.front().text);
    if (name != "run" && name != "copy" && name != "add") return;
    for (const Word& word : instruction.words) {
      std::string_view mark = word.text;
      // A file descriptor may precede it.
      while (!mark.empty() && std::isdigit(static_cast<unsigned char>(mark.front())) != 0) mark.remove_prefix(1);
      if (!mark.starts_with("<<") || mark.starts_with("<<<")) continue;
      mark.remove_prefix(2);
      const bool indented = mark.starts_with('-');
      if (indented) mark.remove_prefix(1);
      std::string end;
      for (const char c : mark) {
        if (c != '"' && c != '\'') end += c;
      }
      if (end.empty() || end.find_first_not_of(kNameCharacters) != std::string::npos) continue;
      skip_to(end, indented);
    }
  }

  void skip_to(std::string_view mark, bool indented) {
    while (position_ < text_.size()) {
      const std::size_t end = end_of_line(position_);
      std::string_view line = text_.substr(position_, end - position_);
      if (line.ends_with('\r')) line.remove_suffix(1);
      while (indented && line.starts_with('\t')) line.remove_prefix(1);
      advance_past(end);
      if (line == mark) return;
    }
  }

  static constexpr std::string_view kNameCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  char escape_ = '\\';
};

/// Replaces $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word}; removes quotes. Unknown names are empty, as in a shell.
class Expansion {
 public:
  Expansion(std::string_view text, const Arguments& arguments) : rest_{text}, arguments_{arguments} {}

  std::string all() {
    std::string out = until('\0');
    if (!rest_.empty()) throw Error{"unexpected ", quote(rest_)};
    return out;
  }

 private:
  static bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::string take_name() {
    std::string name;
    while (!rest_.empty() && is_name(rest_.front())) name += take();
    return name;
  }

  std::string value(const std::string& name) const {
    const auto found = arguments_.find(name);
    return found == arguments_.end() ? std::string{} : found->second;
  }

  std::string until(char end) {
    std::string out;
    while (!rest_.empty() && (end == '\0' || rest_.front() != end)) {
      const char c = take();
      if (c == '\\' && !rest_.empty()) {
        out += take();
      } else if (c == '\'') {
        while (!rest_.empty() && rest_.front() != '\'') out += take();
        if (!rest_.empty()) take();
      } else if (c == '$') {
        out += variable();
      } else if (c != '"') {
        out += c;
      }
    }
    return out;
  }

  std::string variable() {
    if (rest_.empty() || (rest_.front() != '{' && !is_name(rest_.front()))) return "$";
    if (rest_.front() != '{') return value(take_name());
    take();
    if (++depth_ > kDeepest) throw Error{"${…} in each other, too deep"};
    const std::string name = take_name();
    std::string out = value(name);
    const bool colon = !rest_.empty() && rest_.front() == ':';
    if (colon) take();
    const char operation = rest_.empty() ? '\0' : rest_.front();
    const bool given = colon ? !out.empty() : arguments_.find(name) != arguments_.end();
    if (operation == '-' || operation == '+') {
      take();
      const std::string word = until('}');
      if (operation == '-' && !given) out = word;
      if (operation == '+') out = given ? word : "";
    } else if (colon || operation != '}') {
      throw Error{"'${", name, "…': only ${NAME}, ${NAME:-WORD} and ${NAME:+WORD} can be replaced"};
    }
    if (rest_.empty()) throw Error{"'${", name, "' without '}'"};
    take();
    --depth_;
    return out;
  }

  static constexpr int kDeepest = 20;
  std::string_view rest_;
  const Arguments& arguments_;
  int depth_ = 0;
};

std::string expand(std::string_view text, const Arguments& arguments) { return Expansion{text, arguments}.all(); }

void add_platform(Arguments& arguments, const std::string& prefix, const oci::Platform& platform) {
  arguments[prefix + "PLATFORM"] = platform.to_string();
  arguments[prefix + "OS"] = platform.os;
  arguments[prefix + "ARCH"] = platform.architecture;
  arguments[prefix + "VARIANT"] = platform.variant;
}

template <typename T>
void add_once(std::vector<T>& list, const T& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("git@") ||
         text.starts_with("git://") || text.starts_with("ssh://");
}

/// Goes through the instructions and finds what matters.
class Reader {
 public:
  Reader(Dockerfile& file, const std::map<std::string, std::string>& arguments, const oci::Platform& target,
         const oci::Platform& host)
      : file_{file}, given_{arguments.begin(), arguments.end()}, target_{target} {
    add_platform(global_, "TARGET", target);
    add_platform(global_, "BUILD", host);
  }

  void read(const Instruction& instruction) {
    const std::string name = lower(instruction.words.front().text);
    if (name == "arg") read_arg(instruction);
    if (name == "from") read_from(instruction);
    if (name == "copy" || name == "add") read_copy(instruction);
    if (name == "run") read_run(instruction);
  }

  bool has_stages() const { return stages_ > 0; }

 private:
  void read_arg(const Instruction& instruction) {
    for (std::size_t i = 1; i < instruction.words.size(); ++i) {
      const std::string& word = instruction.words[i].text;
      const std::size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      add_once(file_.arguments, name);
      if (stages_ > 0) continue;  // those of a stage are not for FROM
      if (const auto given = given_.find(name); given != given_.end()) {
        global_[name] = given->second;
      } else if (equals != std::string::npos) {
        global_[name] = expand(word.substr(equals + 1), global_);
      }
    }
  }

  void read_from(const Instruction& instruction) {
    const auto& words = instruction.words;
    platform_ = target_;
    std::size_t at = 1;
    for (; at < words.size() && words[at].text.starts_with("--"); ++at) {
      constexpr std::string_view kPlatform = "--platform=";
      if (!words[at].text.starts_with(kPlatform)) throw Error{"FROM: unknown flag ", quote(words[at].text)};
      platform_ = oci::Platform::parse(expand(words[at].text.substr(kPlatform.size()), global_));
    }
    if (at >= words.size()) throw Error{"FROM: expected an image"};
    const Word& image = words[at];
    const std::string name = expand(image.text, global_);
    if (name.empty()) {
      throw Error{"FROM: ", quote(image.text), " is empty"}.with_hint(
          "give the argument a default in the Dockerfile, or a value by buildArgs or --build-arg-file");
    }
    if (at == 1 && !is_stage(name)) file_.unstated_platforms.emplace(image.offset, platform_);
    use(image.offset, image.length, name, instruction.line);
    ++stages_;
    if (at + 2 < words.size() && lower(words[at + 1].text) == "as") names_.push_back(lower(words[at + 2].text));
  }

  void read_copy(const Instruction& instruction) {
    constexpr std::string_view kFrom = "--from=";
    for (std::size_t i = 1; i < instruction.words.size(); ++i) {
      const Word& word = instruction.words[i];
      if (word.text.starts_with(kFrom)) {
        use(word.offset + kFrom.size(), word.length - kFrom.size(), word.text.substr(kFrom.size()), instruction.line);
      } else if (is_url(word.text)) {
        file_.fetches_urls = true;
      }
    }
  }

  void read_run(const Instruction& instruction) {
    if (stages_ > 0) add_once(file_.runs_on, platform_);
    constexpr std::string_view kMount = "--mount=";
    for (std::size_t i = 1; i < instruction.words.size() && instruction.words[i].text.starts_with("--"); ++i) {
      const Word& word = instruction.words[i];
      if (word.text.starts_with(kMount)) read_mount(word, instruction.line);
    }
  }

  /// "--mount=type=bind,from=IMAGE,target=/x"
  void read_mount(const Word& word, std::size_t line) {
    constexpr std::string_view kFrom = "from=";
    std::size_t begin = std::string_view{"--mount="}.size();
    while (begin < word.text.size()) {
      const std::size_t end = std::min(word.text.find(',', begin), word.text.size());
      const std::string_view field = std::string_view{word.text}.substr(begin, end - begin);
      if (field.starts_with(kFrom)) {
        const std::string_view name = field.substr(kFrom.size());
        use(word.offset + begin + kFrom.size(), name.size(), std::string{name}, line);
      }
      begin = end + 1;
    }
  }

  bool is_stage(const std::string& name) const {
    return std::find(names_.begin(), names_.end(), lower(name)) != names_.end();
  }

  void use(std::size_t offset, std::size_t length, const std::string& name, std::size_t line) {
    const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
    if (name == "scratch" || is_number || name.empty()) return;
    if (is_stage(name)) return;
    file_.images.push_back({offset, length, line, name, platform_});
  }

  Dockerfile& file_;
  Arguments given_, global_;
  oci::Platform target_, platform_;
  std::vector<std::string> names_;
  std::size_t stages_ = 0;
};

}  // namespace

bool Dockerfile::declares(std::string_view argument) const {
  return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

std::string Dockerfile::with_names(const std::vector<std::string>& names, bool state_platforms) const {
  std::map<std::size_t, std::pair<std::size_t, std::string>> edits;  // by offset: length, and what takes its place
  for (std::size_t i = 0; i < images.size(); ++i) edits[images[i].offset] = {images[i].length, names[i]};
  if (state_platforms) {
    for (const auto& [offset, platform] : unstated_platforms) {
      std::string& place = edits.emplace(offset, std::pair{std::size_t{0}, std::string{}}).first->second.second;
      place = concat("--platform=", platform.to_string(), " ", place);
    }
  }
  std::string out;
  std::size_t at = 0;
  for (const auto& [offset, edit] : edits) {
    out += text.substr(at, offset - at) + edit.second;
    at = offset + edit.first;
  }
  return out + text.substr(at);
}

Dockerfile parse_dockerfile(std::string_view text, std::string_view name,
                            const std::map<std::string, std::string>& arguments, const oci::Platform& target,
                            const oci::Platform& host) {
  Dockerfile file;
  file.text = text;
  Reader reader{file, arguments, target, host};
  Lines lines{text};
  while (const auto instruction = lines.next()) {
    try {
      reader.read(*instruction);
    } catch (const Error& error) {
      throw error.within(name, ":", instruction->line);
    }
  }
  if (!reader.has_stages()) throw Error{name, ": there is no FROM in it"};
  return file;
}

}  // namespace kiln::package
