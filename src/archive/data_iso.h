#pragma once

#include <string>
#include <string_view>

namespace kiln::archive {

/// The smallest ISO 9660 image there is, with one file: what virtual machines get their metadata on (spec cli.md §7).
/// Sixteen empty sectors, the primary volume descriptor and the terminator, the path table in both byte orders, the
/// root directory, and the file; no Joliet, no Rock Ridge. Every time in it is "not specified", so that the same
/// content gives the same bytes.
///
/// `volume` is the volume's identifier and `name` the file's, both as they are. Throws Error if one is too long or
/// empty, or the content more than 4 GiB.
std::string make_data_iso(std::string_view volume, std::string_view name, std::string_view content);

}  // namespace kiln::archive
