#include "build/render.h"

#include <algorithm>
#include <functional>
#include <numeric>

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

SegmentFile render_segment(const Plan& plan, const SegmentList& list, const Segment& segment, const SegmentCache& cache,
                           FrameCrew& crew, Reporter& reporter) {
  const auto activity = reporter.start("render", segment.name, segment.content_size);
  AtomicFile file = cache.create(cache_key(segment, crew.compression()));
  FrameCrew::Stream stream{crew, file.sink()};
  FrameWriter writer{stream, *activity};
  emit_segment(plan, list.kind, segment, writer);
  writer.finish();
  // The kernel wants the next archive on a multiple of 4 (initramfs buffer format); NULs between them are skipped.
  const std::uint64_t size = align_up(stream.size(), 4);
  static constexpr char kZeros[4] = {};
  file.sink().write(as_bytes({kZeros, static_cast<std::size_t>(size - stream.size())}));
  return cache.store(std::move(file), size);
}

}  // namespace

Rendered render(const Plan& plan, const SegmentList& list, const Compression& compression, const SegmentCache& cache,
                unsigned threads, Reporter& reporter) {
  Rendered out;
  out.segments.resize(list.segments.size());
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < list.segments.size(); ++i) {
    std::optional<SegmentFile> cached = cache.find(cache_key(list.segments[i], compression));
    out.reused.push_back(cached.has_value());
    if (cached) {
      out.segments[i] = std::move(*cached);
    } else {
      missing.push_back(i);
      out.rendered_content += list.segments[i].content_size;
    }
  }
  // Largest first, so that none of them is left to be begun when all others have ended.
  std::stable_sort(missing.begin(), missing.end(), [&](std::size_t a, std::size_t b) {
    return list.segments[a].content_size > list.segments[b].content_size;
  });
  FrameCrew crew{threads, compression};
  std::vector<std::function<void()>> tasks;
  for (const std::size_t i : missing) {
    tasks.emplace_back(
        [&, i] { out.segments[i] = render_segment(plan, list, list.segments[i], cache, crew, reporter); });
  }
  crew.run(std::move(tasks));
  return out;
}

}  // namespace kiln::build
