#include "build/emit.h"

#include <vector>

#include "base/error.h"
#include "build/host_file.h"
#include "tree/layer_content.h"

namespace kiln::build {
namespace {

/// Content as a sink.
class ContentSink final : public Sink {
 public:
  explicit ContentSink(EntryWriter& to) : to_{to} {}
  void write(Bytes data) override { to_.content(data); }

 private:
  EntryWriter& to_;
};

/// An entry whose content, if any, is Kiln's own.
void emit_item(const Plan& plan, ArchiveKind kind, const SegmentItem& item, EntryWriter& out) {
  std::string header;
  const ArchiveEntry entry = archive_entry(plan, kind, item);
  append_header(kind, header, entry);
  out.begin(header, entry.size);
  if (entry.size > 0) {
    const Generated& file = plan.generated[item.entry->entry];
    ContentSink sink{out};
    file.source ? copy_host_file(*file.source, sink) : out.content(as_bytes(file.content));
  }
  out.end(padding_after(kind, entry.size));
}

/// Gives each file the layer reader comes to the header of the item that wants it, and lets the items between them
/// through.
class LayerEmitter final : public tree::ContentVisitor {
 public:
  LayerEmitter(const Plan& plan, ArchiveKind kind, const Segment& segment, EntryWriter& out)
      : plan_{plan}, kind_{kind}, next_{segment.items.begin()}, end_{segment.items.end()}, out_{out} {}

  void begin(std::uint32_t, std::uint64_t size) override {
    emit_others();
    header_.clear();
    append_header(kind_, header_, archive_entry(plan_, kind_, *next_++));
    size_ = size;
    out_.begin(header_, size);
  }
  void data(Bytes data) override { out_.content(data); }
  void end(std::uint32_t) override { out_.end(padding_after(kind_, size_)); }

  /// Up to the next item with content from the layer, or to the end.
  void emit_others() {
    for (; next_ != end_ && !has_layer_content(plan_, *next_); ++next_) emit_item(plan_, kind_, *next_, out_);
  }

 private:
  const Plan& plan_;
  ArchiveKind kind_;
  std::vector<SegmentItem>::const_iterator next_, end_;
  EntryWriter& out_;
  std::string header_;
  std::uint64_t size_ = 0;
};

void emit_from_layer(const Plan& plan, ArchiveKind kind, const Segment& segment, EntryWriter& out) {
  const Layer& layer = plan.layers->layer(*segment.layer);
  std::vector<std::uint32_t> wanted;
  wanted.reserve(segment.items.size());
  for (const SegmentItem& item : segment.items) {
    if (has_layer_content(plan, item)) wanted.push_back(item.entry->entry);
  }
  const std::unique_ptr<tree::LayerTar> tar = plan.layers->open(layer);
  LayerEmitter emitter{plan, kind, segment, out};
  tree::read_contents(layer.index, *tar, wanted, emitter);
  emitter.emit_others();
}

class DirectWriter final : public EntryWriter {
 public:
  explicit DirectWriter(Sink& out) : out_{out} { buffer_.reserve(2 * kBuffer); }
  void begin(std::string_view header, std::uint64_t) override { add(as_bytes(header)); }
  void content(Bytes data) override { add(data); }
  void end(std::size_t padding) override { buffer_.append(padding, '\0'); }
  void flush() {
    out_.write(as_bytes(buffer_));
    buffer_.clear();
  }

 private:
  static constexpr std::size_t kBuffer = 256 * 1024;
  void add(Bytes data) {
    if (buffer_.size() + data.size() > kBuffer) flush();
    data.size() >= kBuffer ? out_.write(data) : static_cast<void>(buffer_.append(as_text(data)));
  }
  Sink& out_;
  std::string buffer_;
};

}  // namespace

void emit_segment(const Plan& plan, ArchiveKind kind, const Segment& segment, EntryWriter& out) {
  if (segment.layer) {
    emit_from_layer(plan, kind, segment, out);
  } else {
    for (const SegmentItem& item : segment.items) emit_item(plan, kind, item, out);
  }
  if (!segment.generated.empty()) {
    out.begin(segment.generated, 0);
    out.end(0);
  }
}

void write_archive(const Plan& plan, const SegmentList& list, Sink& out) {
  DirectWriter writer{out};
  for (const Segment& segment : list.segments) emit_segment(plan, list.kind, segment, writer);
  writer.flush();
}

}  // namespace kiln::build
