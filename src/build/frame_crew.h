#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/stream.h"
#include "build/compression.h"

namespace kiln::build {

/// Threads that compress frames of several streams at once, each stream's frames written in order.
///
/// A task produces streams, one after the other: it reads a layer and hands over frames, each compressed by whichever
/// thread is free.
/// Memory is bounded: with enough frames waiting, or too many under way, a producer compresses one itself instead of
/// making another, so it never waits for a thread that waits for it. What is cut into frames depends on the content
/// alone, hence the bytes do not depend on the number of threads or their timing.
class FrameCrew {
 public:
  FrameCrew(unsigned threads, const Compression& compression);

  class Stream;

  /// Runs all tasks, the given order being that of their beginning, and returns when they have ended. Rethrows the
  /// error of the earliest that failed.
  void run(std::vector<std::function<void()>> tasks);

  /// Has run() end soon, of any thread; it may throw something of no meaning.
  void cancel();

  unsigned threads() const { return threads_; }
  const Compression& compression() const { return compression_; }

 private:
  struct Frame {
    Stream* stream = nullptr;
    std::uint64_t number = 0;
    std::string raw;
  };
  /// What a frame became; `bytes` lie in `room`, or in `raw` when nothing is compressed and else `raw` is empty.
  struct Compressed {
    std::string raw;
    archive::Room room;
    Bytes bytes;
  };
  using Lock = std::unique_lock<std::mutex>;

  void work();
  void run_task(Lock& lock);
  bool help(Lock& lock);
  bool crowded() const;
  void compress(Lock& lock, Frame frame);
  void recycle(std::string raw);
  void recycle(archive::Room room);
  static void write_ready(Lock& lock, FrameCrew& crew, Stream& stream);
  std::unique_ptr<archive::FrameCompressor> take_compressor();

  /// What frames are cut to, and a header more.
  static constexpr std::size_t kUsualFrame = (4 << 20) + (64 << 10);
  /// However many threads there are, no more bytes of frames are under way.
  static constexpr std::size_t kMostPending = 40 << 20;

  const unsigned threads_;
  const Compression compression_;
  const std::size_t most_pending_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> frames_;
  std::size_t pending_ = 0;  ///< bytes of frames handed over, compressed if they are, and not yet written
  bool large_open_ = false;  ///< a stream is between begin_large() and end_large()
  // Buffers to use again: fresh memory costs more than what is done with it.
  std::vector<std::string> spare_;
  std::vector<archive::Room> spare_rooms_;
  std::vector<std::unique_ptr<archive::FrameCompressor>> idle_compressors_;
  std::vector<std::function<void()>> tasks_;
  std::size_t next_task_ = 0;
  std::size_t running_tasks_ = 0;
  std::size_t failed_task_ = 0;
  std::exception_ptr error_;
};

/// One stream of frames to one sink. Used by the task that produces it.
class FrameCrew::Stream {
 public:
  Stream(FrameCrew& crew, Sink& out) : crew_{crew}, out_{out} {}
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// An empty buffer for the next frame, with room for one of the usual size.
  std::string buffer();
  /// Hands over a frame (whole archive entries).
  void frame(std::string raw);
  /// Waits until every frame handed over is written, helping meanwhile. Throws the first error.
  void drain();
  bool is_drained() const;  ///< whether drain() would return, or throw, at once
  /// For what is too large for a frame: a sink whose bytes become one frame, in order after those handed over; nothing
  /// is handed over before end_large(). Such a frame is compressed by as many threads as there are, with buffers for
  /// each, so it waits until no other stream has one.
  std::unique_ptr<Sink> begin_large();
  void end_large(std::unique_ptr<Sink> sink);

  std::uint64_t size() const { return size_; }  ///< bytes written; settled after drain()

 private:
  friend FrameCrew;
  class Counting;
  class Large;

  FrameCrew& crew_;
  Sink& out_;
  std::uint64_t handed_over_ = 0;
  // Under the crew's mutex:
  std::uint64_t next_to_write_ = 0;
  bool writing_ = false;
  std::map<std::uint64_t, Compressed> ready_;  ///< by number
  std::exception_ptr error_;
  std::uint64_t size_ = 0;
};

}  // namespace kiln::build
