#pragma once

#include <span>
#include <string_view>

#include "base/stream.h"
#include "build/segments.h"

namespace kiln::build {

/// Takes the entries of an archive as they are read: each is a begin(), its content in pieces, and an end(). Before
/// those of each segment there is a begin_segment().
struct EntryWriter {
  virtual ~EntryWriter() = default;
  virtual void begin_segment() {}
  virtual void begin(std::string_view header, std::uint64_t content_size) = 0;
  virtual void content(Bytes data) = 0;
  virtual void end(std::size_t padding) = 0;
};

/// Segments that are made together, in archive order: one, or several that one pass over a layer makes. Of those which
/// each continue the one before (Segment::continues), any may be left out.
using Run = std::span<const Segment* const>;

/// Reads what a run is made of and passes it on, entry after entry; a layer is streamed once from its start to the
/// last byte needed. Throws Error.
void emit_run(const Plan& plan, ArchiveKind kind, Run run, EntryWriter& out);

/// The whole archive, uncompressed, straight to a sink.
void write_archive(const Plan& plan, const SegmentList& list, Sink& out);

}  // namespace kiln::build
