#include <malloc.h>

#include "cli/cli.h"

int main(int argc, char** argv) {
  // glibc raises this with every large block that is freed, up to 32 MiB, and then keeps the frames of a build on heaps
  // that never shrink: 40 MB of nothing at the peak.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  return kiln::cli::run_command_line(argc, argv);
}
