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

/// Goes through the items of a run. Gives each file the layer reader comes to the header of the item that wants it, and
/// lets the items between them through.
class RunEmitter final : public tree::ContentVisitor {
 public:
  RunEmitter(const Plan& plan, ArchiveKind kind, Run run, EntryWriter& out)
      : plan_{plan}, kind_{kind}, rest_{run}, out_{out} {}

  void begin(std::uint32_t, std::uint64_t size) override {
    emit_others();
    header_.clear();
    append_header(kind_, header_, archive_entry(plan_, kind_, items_.front()));
    items_ = items_.subspan(1);
    size_ = size;
    out_.begin(header_, size);
  }
  void data(Bytes data) override { out_.content(data); }
  void end(std::uint32_t) override { out_.end(padding_after(kind_, size_)); }

  /// Up to the next item with content from the layer, or to the end.
  void emit_others() {
    do {
      for (; !items_.empty(); items_ = items_.subspan(1)) {
        if (has_layer_content(plan_, items_.front())) return;
        emit_item(plan_, kind_, items_.front(), out_);
      }
    } while (next_segment());
  }

 private:
  bool next_segment() {
    if (segment_ != nullptr && !segment_->generated.empty()) {
      out_.begin(segment_->generated, 0);
      out_.end(0);
    }
    if (rest_.empty()) {
      segment_ = nullptr;
      return false;
    }
    segment_ = rest_.front();
    rest_ = rest_.subspan(1);
    items_ = segment_->items;
    out_.begin_segment();
    return true;
  }

  const Plan& plan_;
  ArchiveKind kind_;
  Run rest_;  ///< not yet begun
  const Segment* segment_ = nullptr;
  std::span<const SegmentItem> items_;  ///< of the segment, not yet emitted
  EntryWriter& out_;
  std::string header_;
  std::uint64_t size_ = 0;
};

void read_layer(const Plan& plan, Run run, RunEmitter& emitter) {
  const Layer& layer = plan.layers->layer(*run.front()->layer);
  std::vector<std::uint32_t> wanted;
  for (const Segment* segment : run) {
    for (const SegmentItem& item : segment->items) {
      if (has_layer_content(plan, item)) wanted.push_back(item.entry->entry);
    }
  }
  const std::unique_ptr<tree::LayerTar> tar = plan.layers->open(layer);
  tree::read_contents(layer.index, *tar, wanted, emitter);
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

void emit_run(const Plan& plan, ArchiveKind kind, Run run, EntryWriter& out) {
  RunEmitter emitter{plan, kind, run, out};
  if (run.front()->layer) read_layer(plan, run, emitter);
  emitter.emit_others();
}

void write_archive(const Plan& plan, const SegmentList& list, Sink& out) {
  DirectWriter writer{out};
  std::vector<const Segment*> run;
  const auto emit = [&] {
    if (!run.empty()) emit_run(plan, list.kind, run, writer);
    run.clear();
  };
  for (const Segment& segment : list.segments) {
    if (!segment.continues) emit();
    run.push_back(&segment);
  }
  emit();
  writer.flush();
}

}  // namespace kiln::build
