#include <cstdlib>

#include "base/kernel_form.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const kiln::KernelInfo info = kiln::recognise_kernel({reinterpret_cast<const std::byte*>(data), size});
  // Only what has a form has an architecture, and a payload goes with a wrapping form.
  if (info.form == kiln::KernelForm::unknown && info != kiln::KernelInfo{}) std::abort();
  const bool wraps = info.form == kiln::KernelForm::efi_zboot || info.form == kiln::KernelForm::bzimage;
  if (!wraps && info.payload_size != 0) std::abort();
  return 0;
}
