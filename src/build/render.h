#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "base/reporter.h"
#include "build/segment_cache.h"
#include "build/segments.h"

namespace kiln::build {

class FrameCrew;
class PartProgress;

/// Makes files of the cache out of the segments of an archive, those that are not there already. A compressed segment
/// is a series of frames, each of whole archive entries, cut by content: the unit of parallel compression, and what the
/// kernel wants (initramfs buffer format). Peak memory does not depend on the size of anything.
class Renderer {
 public:
  /// Looks what the cache has. All references must outlive it.
  Renderer(const Plan& plan, const SegmentList& list, const Compression& compression, const SegmentCache& cache,
           Reporter& reporter);

  /// The segments in archive order. Until run() has ended those that are missing have size 0.
  const std::vector<SegmentFile>& segments() const { return segments_; }
  std::size_t missing() const { return missing_; }
  std::uint64_t missing_content() const { return missing_content_; }  ///< bytes of content, before compression

  using Follow = std::function<void(const SegmentFile& segment)>;

  /// Renders what is missing, on so many threads. `follow`, if there is one, gets every segment in archive order, each
  /// as soon as it and those before it are there, on the calling thread; what it throws ends the rendering.
  void run(unsigned threads, const Follow& follow = {});

 private:
  class Output;
  class RunWriter;

  void render(FrameCrew& crew, const std::vector<std::size_t>& run, PartProgress& progress);
  bool can_begin_with(const Segment& segment) const;
  std::uint64_t content_size(const std::vector<std::size_t>& run) const;
  AtomicFile create(std::size_t segment) const;
  void set_ready(std::size_t segment, SegmentFile file);
  void set_ended();
  void follow_all(const Follow& follow);

  const Plan& plan_;
  const SegmentList& list_;
  const Compression compression_;
  const SegmentCache& cache_;
  Reporter& reporter_;
  /// What is missing, each run made by one task, in the order they are begun.
  std::vector<std::vector<std::size_t>> runs_;
  std::size_t missing_ = 0;
  std::uint64_t missing_content_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SegmentFile> segments_;
  std::vector<bool> ready_;  ///< by segment
  bool ended_ = false;
};

}  // namespace kiln::build
