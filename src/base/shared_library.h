#pragma once

#include <string>

namespace kiln {

/// A shared library that is loaded when it is first needed, for one that few commands need and that takes long to load.
/// It stays loaded until the program ends.
class SharedLibrary {
 public:
  /// Throws Error if it is not installed.
  explicit SharedLibrary(const char* soname);

  /// A function of it, of the type its header declares: `Function` is the type of a pointer to it. Throws Error if it
  /// has none of that name.
  template <typename Function>
  void get(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string soname_;
  void* handle_;
};

}  // namespace kiln
