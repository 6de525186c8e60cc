#include "package/libarchive.h"

namespace kiln::package {

const Libarchive& libarchive() {
  static const Libarchive loaded;
  return loaded;
}

}  // namespace kiln::package
