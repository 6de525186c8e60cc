#include "build/render.h"

#include <algorithm>
#include <future>

#include "base/error.h"
#include "build/emit.h"
#include "build/frame_crew.h"

namespace kiln::build {
namespace {

// Frames of 4 MiB lose 1 % of size against one frame for all, and keep two cores busy. A larger file is a frame of
// its own; from kLarge on it is streamed, since it would have to be held in memory.
constexpr std::uint64_t kFrame = 4 << 20;
constexpr std::uint64_t kLarge = 8 << 20;
constexpr std::size_t kMostPadding = 4;

/// Cuts entries into frames.
class FrameWriter final : public EntryWriter {
 public:
  FrameWriter(FrameCrew::Stream& stream, Activity& activity)
      : stream_{stream}, activity_{activity}, frame_{stream.buffer()} {}

  void begin(std::string_view header, std::uint64_t content_size) override {
    if (!frame_.empty() && frame_.size() + header.size() + content_size > kFrame) cut();
    if (content_size > kLarge) {
      large_ = stream_.begin_large();
    } else {
      frame_.reserve(frame_.size() + header.size() + content_size + kMostPadding);
    }
    add(as_bytes(header));
  }
  void content(Bytes data) override {
    add(data);
    activity_.advance(data.size());
  }
  void end(std::size_t padding) override {
    static constexpr char kZeros[kMostPadding] = {};
    add(as_bytes({kZeros, padding}));
    if (large_) stream_.end_large(std::move(large_));
  }
  void finish() {
    if (!frame_.empty()) cut();
    stream_.drain();
  }

 private:
  void add(Bytes data) { large_ ? large_->write(data) : static_cast<void>(frame_.append(as_text(data))); }
  void cut() {
    stream_.frame(std::move(frame_));
    frame_ = stream_.buffer();
  }

  FrameCrew::Stream& stream_;
  Activity& activity_;
  std::string frame_;
  std::unique_ptr<Sink> large_;
};

}  // namespace

Renderer::Renderer(const Plan& plan, const SegmentList& list, const Compression& compression, const SegmentCache& cache,
                   Reporter& reporter)
    : plan_{plan}, list_{list}, compression_{compression}, cache_{cache}, reporter_{reporter} {
  for (std::size_t i = 0; i < list.segments.size(); ++i) {
    const Sha256 key = cache_key(list.segments[i], compression);
    const std::optional<SegmentFile> cached = cache.find(key);
    segments_.push_back(cached ? *cached : SegmentFile{cache.path(key), 0});
    ready_.push_back(cached.has_value());
    if (cached) continue;
    missing_.push_back(i);
    missing_content_ += list.segments[i].content_size;
  }
  std::stable_sort(missing_.begin(), missing_.end(), [&](std::size_t a, std::size_t b) {
    return list.segments[a].content_size > list.segments[b].content_size;
  });
}

void Renderer::run(unsigned threads, const Follow& follow) {
  FrameCrew crew{threads, compression_};
  std::vector<std::function<void()>> tasks;
  for (const std::size_t i : missing_) {
    tasks.emplace_back([&, i] { set_ready(i, render(crew, list_.segments[i])); });
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

SegmentFile Renderer::render(FrameCrew& crew, const Segment& segment) const {
  const auto activity = reporter_.start("render", segment.name, segment.content_size);
  AtomicFile file = cache_.create(cache_key(segment, compression_));
  FrameCrew::Stream stream{crew, file.sink()};
  FrameWriter writer{stream, *activity};
  emit_segment(plan_, list_.kind, segment, writer);
  writer.finish();
  // The kernel wants the next archive on a multiple of 4 (initramfs buffer format); NULs between them are skipped.
  const std::uint64_t size = align_up(stream.size(), 4);
  static constexpr char kZeros[4] = {};
  file.sink().write(as_bytes({kZeros, static_cast<std::size_t>(size - stream.size())}));
  return cache_.store(std::move(file), size);
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
