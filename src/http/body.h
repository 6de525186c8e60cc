#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/unique_fd.h"

namespace kiln::http {

/// What a response carries: pieces of memory and of open files, one after the other, never joined before they are sent.
/// Pieces share what they are made of, so that bodies are cheap to copy and files stay open while somebody gets them.
class Body {
 public:
  struct Memory {
    std::shared_ptr<const std::string> text;
    std::uint64_t offset;
    std::uint64_t size;
  };
  struct File {
    std::shared_ptr<const UniqueFd> file;
    std::uint64_t offset;
    std::uint64_t size;
  };
  using Piece = std::variant<Memory, File>;

  Body() = default;
  explicit Body(std::string text) { append(std::move(text)); }

  void append(std::string text);
  void append(std::shared_ptr<const std::string> text);
  /// That range of a regular file. If the file has become shorter when it is sent, the connection is cut there.
  void append(std::shared_ptr<const UniqueFd> file, std::uint64_t offset, std::uint64_t size);
  void append(const Body& other);

  std::uint64_t size() const { return size_; }
  const std::vector<Piece>& pieces() const { return pieces_; }

  /// The bytes [offset, offset + size), which must be within it.
  Body slice(std::uint64_t offset, std::uint64_t size) const;

 private:
  std::vector<Piece> pieces_;  // none is empty
  std::uint64_t size_ = 0;
};

std::uint64_t size_of(const Body::Piece& piece);

}  // namespace kiln::http
