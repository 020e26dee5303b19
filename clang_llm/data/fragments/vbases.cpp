struct top@ { u32 t; explicit top@(u32 v) : t(v) {} virtual ~top@() {} virtual u32 who(u32 x) { return x + t; } };
struct left@ : virtual top@ { u64 l; explicit left@(u32 v) : top@(v), l(v * $[3..9]) {} u32 who(u32 x) override { return x * 3 + (u32)l; } };
struct right@ : $[virtual ~~ virtual] top@ { u8 r[$[1..9]]; explicit right@(u32 v) : top@(v) { memset(r, (int)v, sizeof r); } virtual u32 extra(u32 x) { return x ^ r[0]; } };
struct bottom@ $[final ~~ ] : left@, right@ {
  u32 b;
  explicit bottom@(u32 v) : top@(v + 1), left@(v + 2), right@(v + 3), b(v) {}
  u32 who(u32 x) override { return left@::who(x) $[+ ~~ ^] b; }
  u32 extra(u32 x) override { return right@::extra(x) + t; }
  bottom@ *self() { return this; }
};
static NOINLINE u32 ask@(top@ *p, u32 x) {
  u32 h = p->who(x);
  if (right@ *r = dynamic_cast<right@ *>(p)) h = fold(h, r->extra(h) + r->t);
  if (left@ *l = dynamic_cast<left@ *>(p)) h = fold(h, l->l);
  return h + (dynamic_cast<void *>(p) == (void *)p ? 1u : 2u) * 0;
}
u32 run@(u32 x) {
  top@ a(x); left@ b(x & 255); right@ c(x >> 4); bottom@ d(x ^ $[u8]);
  top@ *all[] = {&a, &b, &c, &d, d.self()};
  u32 h = x;
  for (u32 i = 0; i < $[5..20]; ++i) h = fold(h, ask@(all[(x + i) % 5], h));
  top@ *owned = x & 1 ? (top@ *)new bottom@(x) : new left@(x);
  h = fold(h, owned->who(h));
  delete owned;
  return h;
}
