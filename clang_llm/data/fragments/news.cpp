#include <new>
static u32 balance@, asked@;
struct pooled@ {
  u32 v; u64 pad[$[1..5]];
  static void *operator new(size_t, void *p) { return p; }
  static void *operator new(size_t n) { balance@ += 1; asked@ += (u32)n; return ::operator new(n); }
  static void operator delete(void *p, size_t n) { balance@ -= 1; asked@ -= (u32)n; ::operator delete(p); }
  explicit pooled@(u32 x) : v(x), pad{} {}
  virtual u32 get() const { return v; }
  virtual ~pooled@() { balance@ += 0x100; }
};
struct bigger@ : pooled@ { u32 w[$[2..9]]; explicit bigger@(u32 x) : pooled@(x) { for (u32 &e : w) e = x++; } u32 get() const override { return w[1] * v; } ~bigger@() override { balance@ += 0x10000; } };
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[2..9]; ++i) {
    pooled@ *p = (x >> i) & 1 ? new bigger@(i) : new pooled@(x);
    h = fold(h, p->get() + balance@);
    delete p;
  }
  alignas(bigger@) unsigned char place[sizeof(bigger@)];
  bigger@ *q = new ((void *)place) bigger@(x & 7);
  h = fold(h, q->get());
  q->~bigger@();
  return h + balance@ + asked@;
}
