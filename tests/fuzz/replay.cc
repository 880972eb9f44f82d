// Runs a fuzz target over its seeds, as an ordinary test: replay LIST, where each line of LIST is a
// file. libFuzzer's own main takes this one's place in the preset `fuzz`.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz_target.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s LIST-OF-FILES\n", argv[0]);
    return 2;
  }
  std::ifstream list(argv[1]);
  std::string path;
  int files = 0;
  while (std::getline(list, path)) {
    if (path.empty()) continue;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s cannot be read\n", path.c_str());
      return 1;
    }
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    // Said before the call: the last line names the file that ended the process.
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  std::printf("%d seeds\n", files);
  return files > 0 ? 0 : 1;
}
