/* Calls that check the size of what they write to: all of them write what fits, and each ends the program otherwise. */
#include "check.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __GLIBC__
struct record { char name[16]; int after; };
static char space[24];

/* One way of writing n bytes each; the size of what they go to is known to the compiler in all of them. */
__attribute__((noinline)) void fortify_checks_copy(const char *s, size_t n) {
  char b[16];
  __builtin___memcpy_chk(b, s, n, sizeof b);
  __asm__ volatile("" : : "r"(b) : "memory");
}
__attribute__((noinline)) void fortify_checks_move(const char *s, size_t n) {
  char b[32], *p = b + 16;
  __builtin___memmove_chk(p, s, n, 16);
  __asm__ volatile("" : : "r"(p) : "memory");
}
__attribute__((noinline)) static void member(const char *s, size_t n) {
  struct record r;
  r.after = 7;
  (void)n;
  __builtin___strcpy_chk(r.name, s, sizeof r.name);
  __asm__ volatile("" : : "r"(&r) : "memory");
  CHECK(r.after == 7);
}
__attribute__((noinline)) static void filled(const char *s, size_t n) {
  char b[16];
  __builtin___memset_chk(b, *s, n, sizeof b);
  __asm__ volatile("" : : "r"(b) : "memory");
}
__attribute__((noinline)) static void appended(const char *s, size_t n) {
  space[8] = 0;
  memset(space, 'x', 8);
  __builtin___strncat_chk(space, s, n, sizeof space);
}
__attribute__((noinline)) static void on_heap(const char *s, size_t n) {
  char *b = malloc(16);
  if (!b) exit(2);
  __builtin___memcpy_chk(b, s, n, 16);
  __asm__ volatile("" : : "r"(b) : "memory");
  free(b);
}

typedef void (*writer)(const char *, size_t);
static const writer writers[] = {fortify_checks_copy, fortify_checks_move, member, filled, appended, on_heap};
enum { WRITERS = sizeof writers / sizeof writers[0] };

static int signal_of(writer w, const char *s, size_t n) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    close(2); /* the message of the library */
    w(s, n);
    _exit(failures != 0);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void) {
  static const char text[] = "fits in there..", large[] = "does not fit in there at all";
  for (int i = 0; i < WRITERS; ++i) {
    int fine = signal_of(writers[opaque(i)], text, (size_t)opaque(15)), bad = signal_of(writers[opaque(i)], large, (size_t)opaque(28));
    printf("%d %d\n", fine, bad);
    CHECK(fine == 0);
    CHECK(bad == SIGABRT);
  }
#else
int main(void) {
  puts("no such library");
#endif
  return failures != 0;
}
