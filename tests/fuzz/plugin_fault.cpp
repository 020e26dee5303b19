// The whole plugin, as tests/fuzz/harness.py builds it with sanitizers, and a fault on demand: so that a test can see that it would be
// reported.
#include "sources.inc"

__attribute__((constructor)) static void fault() {
  if (!getenv("_CLANG_LLM_FAULT"))
    return;
  volatile size_t Beyond = 8;
  char *Eight = static_cast<char *>(malloc(8));
  Eight[Beyond] = 1;
  free(Eight);
}
