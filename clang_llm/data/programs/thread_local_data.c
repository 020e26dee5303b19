/* Thread-local variables: a copy for each thread, initialised from constants, passed by address, static in a function. */
#include "check.h"
#include <pthread.h>

static _Thread_local int counter = 5;
static _Thread_local struct { char name[16]; int *where; } context = {"fresh", 0};
_Thread_local long thread_local_data_total;
static int shared_total;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct job { int id, rounds, result; int *counter; long total; };

static int next(void) {
  static _Thread_local int calls = 100;
  return ++calls;
}

static void *work(void *argument) {
  struct job *job = argument;
  CHECK(counter == 5 && context.name[0] == 'f' && !context.where && thread_local_data_total == 0);
  context.where = &counter;
  context.name[0] = (char)('a' + job->id);
  for (int i = 0; i < job->rounds; ++i) {
    *context.where += job->id;
    thread_local_data_total += next();
    pthread_mutex_lock(&lock);
    ++shared_total;
    pthread_mutex_unlock(&lock);
  }
  job->result = counter;
  job->counter = &counter;
  job->total = thread_local_data_total;
  return context.name[0] == 'a' + job->id ? job : NULL;
}

/* The address is taken once, in another function than the one that uses it. */
int *thread_local_data_slot(void) { return &counter; }

static int recursive(int n) {
  counter += n;
  int mine = counter;
  if (n > 0) recursive(n - 1);
  return counter - mine;
}

int main(void) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  struct job jobs[THREADS];
  counter = opaque(50);
  for (int i = 0; i < THREADS; ++i) {
    jobs[i] = (struct job){i, 10 + opaque(i), 0, NULL, 0};
    CHECK(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0);
  }
  for (int i = 0; i < THREADS; ++i) {
    void *answer;
    pthread_join(threads[i], &answer);
    CHECK(answer == &jobs[i]);
    printf("%d %ld\n", jobs[i].result, jobs[i].total);
    CHECK(jobs[i].result == 5 + i * (10 + i) && jobs[i].counter != &counter);
    CHECK(jobs[i].total == 100L * (10 + i) + (10 + i) * (11 + i) / 2);
  }
  CHECK(counter == 50 && thread_local_data_total == 0 && shared_total == 46);
  *thread_local_data_slot() += 2;
  CHECK(counter == 52 && recursive(4) == 6);
  CHECK(next() == 101 && next() == 102);
  return failures != 0;
}
