#pragma once

#include <cstdint>
#include <string_view>

namespace kiln::tree {

/// What a path of a layer means (image-spec, "Whiteouts").
enum class Whiteout : std::uint8_t {
  none,      ///< an ordinary entry
  file,      ///< `.wh.NAME`: NAME of the lower layers is gone
  opaque,    ///< `.wh..wh..opq`: everything in this directory of the lower layers is gone
  plumbing,  ///< AUFS's own files, `.wh..wh.*`: never part of the tree, but hard links may point to them
};

/// Of a cleaned path.
Whiteout classify_whiteout(std::string_view path);

/// The path that a whiteout is about: for `a/.wh.b` it is `a/b`, in two parts (`a/` and `b`) as it stands nowhere in
/// one piece; for `a/.wh..wh..opq` it is `a`.
struct WhiteoutSubject {
  std::string_view directory;  ///< with its slash, if any
  std::string_view name;
};
WhiteoutSubject whiteout_subject(std::string_view path, Whiteout whiteout);

}  // namespace kiln::tree
