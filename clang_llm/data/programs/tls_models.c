/* Thread-local variables in every model that the linker knows, over-aligned ones, and their addresses in threads. */
#include "check.h"
#include <pthread.h>
#include <stdint.h>

#define MODEL(name) __attribute__((tls_model(name)))
MODEL("global-dynamic") _Thread_local int tls_models_global = 11;
MODEL("local-dynamic") static _Thread_local int local_a = 22;
MODEL("local-dynamic") static _Thread_local int local_b = 33;
MODEL("initial-exec") _Thread_local int tls_models_initial = 44;
MODEL("local-exec") static _Thread_local int executable_only = 55;
static _Thread_local _Alignas(64) char aligned[100];
static _Thread_local struct { char c; double d; } mixed = {'m', 2.5};
static _Thread_local int zero[300];

__attribute__((noinline)) int *tls_models_address(int which) {
  switch (which) {
    case 0: return &tls_models_global;
    case 1: return &local_a;
    case 2: return &local_b;
    case 3: return &tls_models_initial;
    default: return &executable_only;
  }
}

struct job {
  int id;
  int sum;
  int *seen[5];
};

static int touch(int id) {
  tls_models_global += id;
  local_a += 2 * id;
  local_b += local_a;
  tls_models_initial *= id + 1;
  for (int i = 0; i < id; ++i) executable_only += i;
  mixed.d *= id;
  zero[id * 7] = id;
  aligned[id] = (char)(aligned[id] + id);
  return tls_models_global + local_a + local_b + tls_models_initial + executable_only + (int)mixed.d + zero[id * 7] + aligned[id];
}

static void *work(void *argument) {
  struct job *job = argument;
  job->sum = touch(job->id);
  for (int i = 0; i < 5; ++i) job->seen[i] = tls_models_address(i);
  return ((uintptr_t)aligned & 63) == 0 && zero[299] == 0 ? job : NULL;
}

int main(void) {
  struct job jobs[3] = {{1, 0, {0}}, {2, 0, {0}}, {3, 0, {0}}};
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) CHECK(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0);
  for (int i = 0; i < 3; ++i) {
    void *answer = NULL;
    pthread_join(threads[i], &answer);
    int id = opaque(jobs[i].id);
    int wanted = (11 + id) + (22 + 2 * id) + (55 + 2 * id) + 44 * (id + 1) + (55 + id * (id - 1) / 2) + (int)(2.5 * id) + 2 * id;
    printf("%d\n", jobs[i].sum);
    CHECK(answer == &jobs[i] && jobs[i].sum == wanted);
    for (int k = 0; k < 5; ++k) CHECK(jobs[i].seen[k] != tls_models_address(k));
  }
  for (int k = 0; k < 5; ++k) {
    CHECK(*tls_models_address(opaque(k)) == 11 * (k + 1));
    for (int other = 0; other < k; ++other) CHECK(tls_models_address(k) != tls_models_address(opaque(other)));
  }
  *tls_models_address(opaque(2)) = 5;
  CHECK(local_b == 5 && local_a == 22 && mixed.d == 2.5 && mixed.c == 'm');
  return failures != 0;
}
