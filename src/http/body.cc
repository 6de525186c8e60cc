#include "http/body.h"

#include <algorithm>
#include <cassert>

namespace kiln::http {

std::uint64_t size_of(const Body::Piece& piece) {
  return std::visit([](const auto& one) { return one.size; }, piece);
}

void Body::append(std::string text) { append(std::make_shared<const std::string>(std::move(text))); }

void Body::append(std::shared_ptr<const std::string> text) {
  if (text->empty()) return;
  const std::uint64_t size = text->size();
  pieces_.push_back(Memory{std::move(text), 0, size});
  size_ += size;
}

void Body::append(std::shared_ptr<const UniqueFd> file, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  pieces_.push_back(File{std::move(file), offset, size});
  size_ += size;
}

void Body::append(const Body& other) {
  const std::vector<Piece> pieces = other.pieces_;  // which may be this one's own
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  size_ += other.size_;
}

Body Body::slice(std::uint64_t offset, std::uint64_t size) const {
  assert(offset <= size_ && size <= size_ - offset);
  Body out;
  for (const Piece& piece : pieces_) {
    const std::uint64_t length = size_of(piece);
    if (offset >= length) {
      offset -= length;
      continue;
    }
    const std::uint64_t taken = std::min(size, length - offset);
    if (taken == 0) break;
    Piece part = piece;
    std::visit(
        [&](auto& one) {
          one.offset += offset;
          one.size = taken;
        },
        part);
    out.pieces_.push_back(std::move(part));
    out.size_ += taken;
    size -= taken;
    offset = 0;
  }
  return out;
}

}  // namespace kiln::http
