// needs: threads
#include <pthread.h>
#include <stdatomic.h>
static atomic_uint total@;
static pthread_mutex_t lock@ = PTHREAD_MUTEX_INITIALIZER;
static u32 plain@;
static _Thread_local u32 mine@;
static void *work@(void *arg) {
  u32 n = *(u32 *)arg;
  for (u32 i = 0; i < $[10..90]; ++i) {
    mine@ += n;
    atomic_fetch_add(&total@, mine@ & 15);
    pthread_mutex_lock(&lock@);
    plain@ += i ^ n;
    pthread_mutex_unlock(&lock@);
  }
  return NULL;
}
u32 run@(u32 x) {
  pthread_t threads[2];
  u32 arg[2] = {x & 7, $[1..9]};
  for (int i = 0; i < 2; ++i) if (pthread_create(&threads[i], NULL, work@, &arg[i])) return 0;
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  return fold(total@, plain@);
}
