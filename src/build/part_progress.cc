#include "build/part_progress.h"

namespace kiln::build {

void PartProgress::expect(std::string_view part, std::uint64_t content_size) {
  ++parts_[part].runs;
  parts_[part].content_size += content_size;
}

std::shared_ptr<Activity> PartProgress::begin(std::string_view part) {
  const std::lock_guard lock{mutex_};
  Part& begun = parts_[part];
  if (!begun.activity && begun.content_size > 0) begun.activity = reporter_.start("render", part, begun.content_size);
  return begun.activity;
}

void PartProgress::end(std::string_view part) {
  const std::lock_guard lock{mutex_};
  Part& ended = parts_[part];
  if (--ended.runs == 0 && ended.activity) ended.activity->finish("");
}

}  // namespace kiln::build
