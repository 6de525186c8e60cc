#pragma once

#include <string>

namespace kiln {

/// A shared library that is loaded when it is first needed, for one that few commands need and that takes long to load.
/// It stays loaded until the program ends.
class SharedLibrary {
 public:
  /// Throws Error if it is not installed.
  explicit SharedLibrary(const char* soname);

  /// Becomes a pointer of the type that the library's header declares.
  class Function {
   public:
    template <typename Type>
    operator Type*() const {  // NOLINT(google-explicit-constructor): so that the pointer's declaration says the type
      return reinterpret_cast<Type*>(address_);
    }

   private:
    friend SharedLibrary;
    explicit Function(void* address) : address_{address} {}
    void* address_;
  };

  /// Throws Error if it has no function of that name.
  Function function(const char* name) const;

 private:
  std::string soname_;
  void* handle_;
};

}  // namespace kiln
