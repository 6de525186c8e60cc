#pragma once

#include <archive.h>
#include <archive_entry.h>

namespace kiln::package {

/// libarchive's functions, without the `archive_` of their names. Only Debian packages need it, so the first call of
/// libarchive() loads it, in the 4 ms that it and the libraries it needs take.
struct Libarchive {
  decltype(&::archive_entry_filetype) entry_filetype;
  decltype(&::archive_entry_gid) entry_gid;
  decltype(&::archive_entry_hardlink) entry_hardlink;
  decltype(&::archive_entry_mtime) entry_mtime;
  decltype(&::archive_entry_pathname) entry_pathname;
  decltype(&::archive_entry_perm) entry_perm;
  decltype(&::archive_entry_size) entry_size;
  decltype(&::archive_entry_symlink) entry_symlink;
  decltype(&::archive_entry_uid) entry_uid;
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_read_data) read_data;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_next_header) read_next_header;
  decltype(&::archive_read_open) read_open;
  decltype(&::archive_read_open_memory) read_open_memory;
  decltype(&::archive_read_support_filter_gzip) read_support_filter_gzip;
  decltype(&::archive_read_support_filter_xz) read_support_filter_xz;
  decltype(&::archive_read_support_filter_zstd) read_support_filter_zstd;
  decltype(&::archive_read_support_format_ar) read_support_format_ar;
  decltype(&::archive_read_support_format_tar) read_support_format_tar;
  decltype(&::archive_set_error) set_error;
};

/// Loaded. Throws Error if it is not installed. Of any thread.
const Libarchive& libarchive();

}  // namespace kiln::package
