#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/shared_library.h"

namespace kiln::package {

/// libarchive's functions, without the `archive_` of their names. Only Debian packages need it, so the first call of
/// libarchive() loads it, in the 4 ms that it and the libraries it needs take.
struct Libarchive {
  SharedLibrary library{"libarchive.so.13"};
  decltype(&::archive_entry_filetype) entry_filetype = library.function("archive_entry_filetype");
  decltype(&::archive_entry_gid) entry_gid = library.function("archive_entry_gid");
  decltype(&::archive_entry_hardlink) entry_hardlink = library.function("archive_entry_hardlink");
  decltype(&::archive_entry_mtime) entry_mtime = library.function("archive_entry_mtime");
  decltype(&::archive_entry_pathname) entry_pathname = library.function("archive_entry_pathname");
  decltype(&::archive_entry_perm) entry_perm = library.function("archive_entry_perm");
  decltype(&::archive_entry_size) entry_size = library.function("archive_entry_size");
  decltype(&::archive_entry_symlink) entry_symlink = library.function("archive_entry_symlink");
  decltype(&::archive_entry_uid) entry_uid = library.function("archive_entry_uid");
  decltype(&::archive_error_string) error_string = library.function("archive_error_string");
  decltype(&::archive_read_data) read_data = library.function("archive_read_data");
  decltype(&::archive_read_free) read_free = library.function("archive_read_free");
  decltype(&::archive_read_new) read_new = library.function("archive_read_new");
  decltype(&::archive_read_next_header) read_next_header = library.function("archive_read_next_header");
  decltype(&::archive_read_open) read_open = library.function("archive_read_open");
  decltype(&::archive_read_open_memory) read_open_memory = library.function("archive_read_open_memory");
  decltype(&::archive_read_support_filter_gzip) read_support_filter_gzip =
      library.function("archive_read_support_filter_gzip");
  decltype(&::archive_read_support_filter_xz) read_support_filter_xz =
      library.function("archive_read_support_filter_xz");
  decltype(&::archive_read_support_filter_zstd) read_support_filter_zstd =
      library.function("archive_read_support_filter_zstd");
  decltype(&::archive_read_support_format_ar) read_support_format_ar =
      library.function("archive_read_support_format_ar");
  decltype(&::archive_read_support_format_tar) read_support_format_tar =
      library.function("archive_read_support_format_tar");
  decltype(&::archive_set_error) set_error = library.function("archive_set_error");
};

/// Loaded. Throws Error if it is not installed. Of any thread.
const Libarchive& libarchive();

}  // namespace kiln::package
