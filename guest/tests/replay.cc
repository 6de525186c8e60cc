// Runs a fuzz target over the files of a directory, for compilers without libFuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  int ran = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& name : guest::list_directory(argv[i])) {
      std::string content;
      if (guest::read_file(std::string{argv[i]} + "/" + name, content).failed()) return 1;
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
      ++ran;
    }
  }
  std::printf("%d seeds\n", ran);
  return ran > 0 ? 0 : 1;
}
