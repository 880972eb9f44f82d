// A module of another build: its SDK may differ, so that calling it would be undefined.
#include <cstdlib>

extern "C" __attribute__((visibility("default"))) const char* holdfast_module_build_id() {
  return "another build";
}

extern "C" __attribute__((visibility("default"))) void holdfast_module_register(void*) {
  std::abort();
}
