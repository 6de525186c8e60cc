#include "package/libarchive.h"

#include "base/shared_library.h"

namespace kiln::package {
namespace {

Libarchive load() {
  const SharedLibrary library{"libarchive.so.13"};
  Libarchive out{};
  library.get("archive_entry_filetype", out.entry_filetype);
  library.get("archive_entry_gid", out.entry_gid);
  library.get("archive_entry_hardlink", out.entry_hardlink);
  library.get("archive_entry_mtime", out.entry_mtime);
  library.get("archive_entry_pathname", out.entry_pathname);
  library.get("archive_entry_perm", out.entry_perm);
  library.get("archive_entry_size", out.entry_size);
  library.get("archive_entry_symlink", out.entry_symlink);
  library.get("archive_entry_uid", out.entry_uid);
  library.get("archive_error_string", out.error_string);
  library.get("archive_read_data", out.read_data);
  library.get("archive_read_free", out.read_free);
  library.get("archive_read_new", out.read_new);
  library.get("archive_read_next_header", out.read_next_header);
  library.get("archive_read_open", out.read_open);
  library.get("archive_read_open_memory", out.read_open_memory);
  library.get("archive_read_support_filter_gzip", out.read_support_filter_gzip);
  library.get("archive_read_support_filter_xz", out.read_support_filter_xz);
  library.get("archive_read_support_filter_zstd", out.read_support_filter_zstd);
  library.get("archive_read_support_format_ar", out.read_support_format_ar);
  library.get("archive_read_support_format_tar", out.read_support_format_tar);
  library.get("archive_set_error", out.set_error);
  return out;
}

}  // namespace

const Libarchive& libarchive() {
  static const Libarchive loaded = load();
  return loaded;
}

}  // namespace kiln::package
