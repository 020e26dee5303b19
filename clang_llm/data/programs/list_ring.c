/* Linked structures: intrusive lists, a ring buffer, a tree with rotations, pointers to pointers. */
#include "check.h"
#include <stddef.h>
#include <stdlib.h>

struct link { struct link *next, *previous; };
struct task { int priority; struct link link; char name; };
#define TASK(l) ((struct task *)((char *)(l) - offsetof(struct task, link)))

static void insert(struct link *before, struct link *l) {
  l->next = before;
  l->previous = before->previous;
  before->previous->next = l;
  before->previous = l;
}

static void enqueue(struct link *head, struct task *t) {
  struct link *at = head->next;
  while (at != head && TASK(at)->priority <= t->priority) at = at->next;
  insert(at, &t->link);
}

static void unlink(struct link *l) {
  l->next->previous = l->previous;
  l->previous->next = l->next;
}

struct ring { unsigned head, tail; int items[8]; };
static int put(struct ring *r, int x) { return r->head - r->tail == 8 ? 0 : (r->items[r->head++ % 8] = x, 1); }
static int take(struct ring *r, int *x) { return r->head == r->tail ? 0 : (*x = r->items[r->tail++ % 8], 1); }

struct tree { struct tree *child[2]; int key; unsigned weight; };

/* A treap: the order of keys and the heap of weights fix its shape. */
struct tree *list_ring_insert(struct tree *t, struct tree *fresh) {
  if (!t) return fresh;
  int side = fresh->key > t->key;
  t->child[side] = list_ring_insert(t->child[side], fresh);
  struct tree *c = t->child[side];
  if (c->weight <= t->weight) return t;
  t->child[side] = c->child[!side];
  c->child[!side] = t;
  return c;
}

static int check(const struct tree *t, int *last, int depth) {
  if (!t) return depth;
  int left = check(t->child[0], last, depth + 1);
  CHECK(t->key > *last);
  *last = t->key;
  int right = check(t->child[1], last, depth + 1);
  return left > right ? left : right;
}

static void remove_all(struct link **list, int (*unwanted)(const struct task *)) {
  while (*list) {
    if (unwanted(TASK(*list))) *list = (*list)->next;
    else list = &(*list)->next;
  }
}

static int urgent(const struct task *t) { return t->priority > 2; }

int main(void) {
  struct link head = {&head, &head};
  struct task tasks[6];
  for (int i = 0; i < 6; ++i) {
    tasks[i] = (struct task){opaque(i * 5 % 4), {0, 0}, (char)('a' + i)};
    enqueue(&head, &tasks[i]);
  }
  unlink(&tasks[2].link);
  char order[8] = "";
  int n = 0;
  for (struct link *l = head.next; l != &head; l = l->next) order[n++] = TASK(l)->name;
  puts(order);
  CHECK(n == 5 && order[0] == 'a' && order[1] == 'e' && order[4] == 'd');
  struct link *first = head.next;
  head.previous->next = NULL;
  remove_all(&first, urgent);
  for (n = 0; first; first = first->next) ++n;
  CHECK(n == 4);
  struct ring r = {4294967290u, 4294967290u, {0}};
  int sum = 0, x;
  for (int i = 0; i < 40; ++i) {
    while (put(&r, i * 2)) ++i;
    for (int k = 0; k < 1 + i % 5 && take(&r, &x); ++k) sum = sum * 3 % 10007 + x;
  }
  while (take(&r, &x)) ++sum;
  printf("%d %u\n", sum, r.head);
  struct tree nodes[100], *root = NULL;
  unsigned weight = 1;
  for (int i = 0; i < 100; ++i) {
    weight = weight * 1103515245u + 12345;
    nodes[i] = (struct tree){{0, 0}, i * 37 % 101, weight >> 8};
    root = list_ring_insert(root, &nodes[i]);
  }
  int last = -1, depth = check(root, &last, 0);
  printf("%d %d %d\n", depth, last, root->key);
  CHECK(last == 100 && depth < 30);
  return failures != 0;
}
