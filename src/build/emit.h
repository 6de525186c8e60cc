#pragma once

#include <string_view>

#include "base/stream.h"
#include "build/segments.h"

namespace kiln::build {

/// Takes the entries of an archive as they are read: each is a begin(), its content in pieces, and an end().
struct EntryWriter {
  virtual ~EntryWriter() = default;
  virtual void begin(std::string_view header, std::uint64_t content_size) = 0;
  virtual void content(Bytes data) = 0;
  virtual void end(std::size_t padding) = 0;
};

/// Reads what a segment is made of and passes it on, entry after entry; a layer is streamed once from its start to the
/// last byte needed. Throws Error.
void emit_segment(const Plan& plan, ArchiveKind kind, const Segment& segment, EntryWriter& out);

/// The whole archive, uncompressed, straight to a sink.
void write_archive(const Plan& plan, const SegmentList& list, Sink& out);

}  // namespace kiln::build
