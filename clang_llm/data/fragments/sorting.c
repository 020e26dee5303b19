// cxx: yes
struct item@ { u32 key; u16 order; };
static int up@(const void *a, const void *b) {
  const struct item@ *p = (const struct item@ *)a, *q = (const struct item@ *)b;
  return p->key != q->key ? (p->key < q->key ? -1 : 1) : (int)p->order - (int)q->order;
}
static int down@(const void *a, const void *b) { return up@(b, a); }
u32 run@(u32 x) {
  struct item@ list[$[5..40]];
  u32 s = x, h = 0;
  const u32 n = sizeof list / sizeof *list;
  for (u32 i = 0; i < n; ++i) { list[i].key = next(&s) >> $[16..29]; list[i].order = (u16)i; }
  qsort(list, n, sizeof *list, x & 1 ? up@ : down@);
  for (u32 i = 0; i < n; ++i) h = fold(h, list[i].key * 1000 + list[i].order);
  struct item@ key = {list[n / 2].key, list[n / 2].order};
  struct item@ *found = (struct item@ *)bsearch(&key, list, n, sizeof *list, x & 1 ? up@ : down@);
  return h + (found ? (u32)(found - list) : 1000u);
}
