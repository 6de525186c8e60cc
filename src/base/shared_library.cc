#include "base/shared_library.h"

#include <dlfcn.h>

#include "base/error.h"

namespace kiln {

SharedLibrary::SharedLibrary(const char* soname) : soname_{soname}, handle_{::dlopen(soname, RTLD_LAZY)} {
  if (handle_ == nullptr) {
    throw Error{"cannot load ", soname, ": ", ::dlerror()}.with_hint("install the package that has it");
  }
}

SharedLibrary::Function SharedLibrary::function(const char* name) const {
  void* found = ::dlsym(handle_, name);
  if (found == nullptr) throw Error{soname_, " has no function ", name, ": ", ::dlerror()};
  return Function{found};
}

}  // namespace kiln
