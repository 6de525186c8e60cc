#include "build/render.h"

#include <algorithm>
#include <deque>
#include <future>
#include <memory>

#include "base/error.h"
#include "build/emit.h"
#include "build/frame_crew.h"
#include "build/part_progress.h"

namespace kiln::build {
namespace {

// Frames of 4 MiB lose 1 % of size against one frame for all, and keep two cores busy. A larger file is a frame of
// its own; from kLarge on it is streamed, since it would have to be held in memory.
constexpr std::uint64_t kFrame = 4 << 20;
constexpr std::uint64_t kLarge = 8 << 20;
constexpr std::size_t kMostPadding = 4;

// From here on a run is begun before all smaller ones: one that is begun last leaves the other threads idle.
constexpr std::uint64_t kLargeRun = 6 << 20;

}  // namespace

/// A segment on its way into the cache.
class Renderer::Output {
 public:
  Output(FrameCrew& crew, std::size_t segment, AtomicFile file)
      : segment_{segment}, file_{std::move(file)}, stream_{crew, file_.sink()} {}

  FrameCrew::Stream& stream() { return stream_; }
  std::size_t segment() const { return segment_; }

  /// Waits until everything is written.
  SegmentFile store(const SegmentCache& cache) {
    stream_.drain();
    // The kernel wants the next archive on a multiple of 4 (initramfs buffer format); NULs between them are skipped.
    const std::uint64_t size = align_up(stream_.size(), 4);
    static constexpr char kZeros[4] = {};
    file_.sink().write(as_bytes({kZeros, static_cast<std::size_t>(size - stream_.size())}));
    return cache.store(std::move(file_), size);
  }

 private:
  std::size_t segment_;
  AtomicFile file_;
  FrameCrew::Stream stream_;
};

/// Cuts the entries of a run into frames. A segment's last frames are compressed and written while the next is read.
class Renderer::RunWriter final : public EntryWriter {
 public:
  RunWriter(Renderer& renderer, FrameCrew& crew, const std::vector<std::size_t>& run, Activity* activity)
      : renderer_{renderer}, crew_{crew}, next_{run.begin()}, activity_{activity} {}

  void begin_segment() override {
    end_segment();
    const std::size_t segment = *next_++;
    outputs_.emplace_back(crew_, segment, renderer_.create(segment));
  }
  void begin(std::string_view header, std::uint64_t content_size) override {
    if (!frame_.empty() && frame_.size() + header.size() + content_size > kFrame) cut();
    if (content_size > kLarge) {
      large_ = stream().begin_large();
    } else {
      if (frame_.capacity() < kFrame) frame_ = stream().buffer();
      frame_.reserve(frame_.size() + header.size() + content_size + kMostPadding);
    }
    add(as_bytes(header));
  }
  void content(Bytes data) override {
    add(data);
    if (activity_ != nullptr) activity_->advance(data.size());
  }
  void end(std::size_t padding) override {
    static constexpr char kZeros[kMostPadding] = {};
    add(as_bytes({kZeros, padding}));
    if (large_) stream().end_large(std::move(large_));
  }
  void finish() {
    end_segment();
    while (!outputs_.empty()) store_first();
  }

 private:
  FrameCrew::Stream& stream() { return outputs_.back().stream(); }
  void add(Bytes data) { large_ ? large_->write(data) : static_cast<void>(frame_.append(as_text(data))); }
  void cut() {
    stream().frame(std::move(frame_));
    frame_.clear();
    while (outputs_.size() > 1 && outputs_.front().stream().is_drained()) store_first();
  }
  void end_segment() {
    if (!frame_.empty()) cut();
  }
  void store_first() {
    const std::size_t segment = outputs_.front().segment();
    renderer_.set_ready(segment, outputs_.front().store(renderer_.cache_));
    outputs_.pop_front();
  }

  Renderer& renderer_;
  FrameCrew& crew_;
  std::vector<std::size_t>::const_iterator next_;
  Activity* activity_;          ///< or null
  std::deque<Output> outputs_;  ///< the last is written to, those before it wait for their frames
  std::string frame_;
  std::unique_ptr<Sink> large_;
};

Renderer::Renderer(const Plan& plan, const SegmentList& list, const Compression& compression, const SegmentCache& cache,
                   Reporter& reporter)
    : plan_{plan}, list_{list}, compression_{compression}, cache_{cache}, reporter_{reporter} {
  bool together = false;  // whether the segment can be made by the same pass as the last run
  for (std::size_t i = 0; i < list.segments.size(); ++i) {
    together = together && list.segments[i].continues && !can_begin_with(list.segments[i]);
    const Sha256 key = cache_key(list.segments[i], compression);
    const std::optional<SegmentFile> cached = cache.find(key);
    segments_.push_back(cached ? *cached : SegmentFile{cache.path(key), 0});
    ready_.push_back(cached.has_value());
    if (cached) continue;
    if (!together) runs_.emplace_back();
    runs_.back().push_back(i);
    together = true;
    ++missing_;
    missing_content_ += list.segments[i].content_size;
  }
  std::stable_sort(runs_.begin(), runs_.end(), [&](const auto& a, const auto& b) {
    return std::max(content_size(a), kLargeRun) > std::max(content_size(b), kLargeRun);
  });
}

/// Whether a run of its own costs nothing, as its layer can be entered there.
bool Renderer::can_begin_with(const Segment& segment) const {
  const Layer& layer = plan_.layers->layer(*segment.layer);
  const tree::LayerEntry first = layer.index.entry(segment.items.front().entry->entry);
  return !first.extents.empty() && plan_.layers->can_enter(layer, first.extents.front().tar_offset);
}

std::uint64_t Renderer::content_size(const std::vector<std::size_t>& run) const {
  std::uint64_t size = 0;
  for (const std::size_t segment : run) size += list_.segments[segment].content_size;
  return size;
}

AtomicFile Renderer::create(std::size_t segment) const {
  return cache_.create(cache_key(list_.segments[segment], compression_));
}

void Renderer::run(unsigned threads, const Follow& follow) {
  FrameCrew crew{threads, compression_};
  PartProgress progress{reporter_};
  std::vector<std::function<void()>> tasks;
  for (const auto& run : runs_) {
    progress.expect(list_.segments[run.front()].name, content_size(run));
    tasks.emplace_back([&] { render(crew, run, progress); });
  }
  if (!follow) return crew.run(std::move(tasks));
  std::future<void> rendering = std::async(std::launch::async, [&] {
    try {
      crew.run(std::move(tasks));
    } catch (...) {
      set_ended();
      throw;
    }
    set_ended();
  });
  try {
    follow_all(follow);
  } catch (...) {
    crew.cancel();
    rendering.wait();
    throw;
  }
  rendering.get();
}

void Renderer::render(FrameCrew& crew, const std::vector<std::size_t>& run, PartProgress& progress) {
  std::vector<const Segment*> segments;
  for (const std::size_t i : run) segments.push_back(&list_.segments[i]);
  const std::string& part = segments.front()->name;
  const std::shared_ptr<Activity> activity = progress.begin(part);
  RunWriter writer{*this, crew, run, activity.get()};
  emit_run(plan_, list_.kind, segments, writer);
  writer.finish();
  progress.end(part);
}

void Renderer::set_ready(std::size_t segment, SegmentFile file) {
  const std::lock_guard lock{mutex_};
  segments_[segment] = std::move(file);
  ready_[segment] = true;
  changed_.notify_all();
}

void Renderer::set_ended() {
  const std::lock_guard lock{mutex_};
  ended_ = true;
  changed_.notify_all();
}

/// Until the last, or the first that never gets ready.
void Renderer::follow_all(const Follow& follow) {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] { return ready_[i] || ended_; });
      if (!ready_[i]) return;
    }
    follow(segments_[i]);
  }
}

}  // namespace kiln::build
