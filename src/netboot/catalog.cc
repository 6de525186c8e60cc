#include "netboot/catalog.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "base/error.h"

namespace kiln::netboot {
namespace {

/// As the user would read it on the terminal, in one text.
std::string full_message(const Error& error) {
  return error.hint().empty() ? error.message() : concat(error.message(), " (", error.hint(), ")");
}

}  // namespace

Catalog::Catalog(EventLoop& loop) : loop_{loop}, ready_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  if (!ready_) throw SysError{errno, "creating an eventfd"};
  loop_.watch(ready_.get(), EventLoop::kReadable, [this](std::uint32_t) { take_results(); });
}

Catalog::~Catalog() { loop_.forget(ready_.get()); }

void Catalog::add(std::string label, std::string architecture, std::unique_ptr<BootSource> source) {
  System system;
  system.label = std::move(label);
  system.architecture = std::move(architecture);
  system.source = std::move(source);
  system.state = system.source->state();
  const std::chrono::nanoseconds begin = loop_.clock().now();
  replace(system, system.source->load());
  system.build_time = loop_.clock().now() - begin;
  system.builds = 1;
  if (!system.architecture.empty() && system.image->architecture != system.architecture) {
    throw Error{quote(system.source->description()), " is for ", system.image->architecture, ", not for ",
                system.architecture};
  }
  const System* same = find(system.label, system.image->architecture);
  if (same != nullptr) {
    throw Error{quote(system.source->description()),
                " and ",
                quote(same->source->description()),
                " are both called ",
                quote(system.label),
                " and for ",
                system.image->architecture}
        .with_hint("give one of them another name: SOURCE,name=LABEL");
  }
  systems_.push_back(std::move(system));
}

std::vector<std::string_view> Catalog::labels() const {
  std::vector<std::string_view> labels;
  for (const System& system : systems_) {
    if (std::find(labels.begin(), labels.end(), system.label) == labels.end()) labels.push_back(system.label);
  }
  return labels;
}

const Catalog::System* Catalog::find(std::string_view label, std::string_view architecture) const {
  const auto found = std::find_if(systems_.begin(), systems_.end(), [&](const System& system) {
    return (label.empty() || system.label == label) && system.served_architecture() == architecture;
  });
  return found == systems_.end() ? nullptr : &*found;
}

std::shared_ptr<const BootImage> Catalog::image(std::string_view id) const {
  for (const System& system : systems_) {
    if (system.image && system.image->id == id) return system.image;
    for (const auto& earlier : system.earlier) {
      if (earlier->id == id) return earlier;
    }
  }
  return nullptr;
}

void Catalog::check() {
  for (System& system : systems_) {
    if (!system.building && system.source->state() != system.state) build(system);
  }
}

void Catalog::build(System& system) {
  system.building = true;
  // Before it is read: a change from now on is one that this build may not have seen.
  system.state = system.source->state();
  worker_.submit([this, &system] {
    const std::chrono::nanoseconds begin = loop_.clock().now();
    Result result{&system, nullptr, {}, {}};
    try {
      result.image = system.source->load();
    } catch (const Error& error) {
      result.error = full_message(error);
    } catch (const std::exception& error) {
      result.error = error.what();
    }
    result.time = loop_.clock().now() - begin;
    results_.lock()->push_back(std::move(result));
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof one);
  });
}

void Catalog::take_results() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(ready_.get(), &count, sizeof count);
  std::vector<Result> results;
  results.swap(*results_.lock());
  for (Result& result : results) {
    System& system = *result.system;
    system.building = false;
    system.build_time = result.time;
    ++system.builds;
    system.error = std::move(result.error);
    if (result.image) {
      replace(system, std::move(result.image));
    } else {
      ++system.failures;
    }
    if (on_built) on_built(system);
  }
}

void Catalog::replace(System& system, std::shared_ptr<const BootImage> image) {
  if (system.image && system.image->id == image->id) return;
  if (system.image) system.earlier.push_front(std::move(system.image));
  if (system.earlier.size() > kEarlier) system.earlier.pop_back();
  system.image = std::move(image);
}

}  // namespace kiln::netboot
