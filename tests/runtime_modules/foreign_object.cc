// A shared object that is no module of ours.
extern "C" __attribute__((visibility("default"))) int holdfast_test_foreign_object() { return 1; }
