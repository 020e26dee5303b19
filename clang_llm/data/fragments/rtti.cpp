#include <typeinfo>
struct animal@ { virtual ~animal@() {} virtual animal@ *copy() const { return new animal@(*this); } u32 legs = $[0..9]; };
struct dog@ : animal@ { dog@ *copy() const override { return new dog@(*this); } u32 bark = $[u8]; };
struct cat@ : private animal@ { animal@ *plain() { return this; } u32 lives = $[1..9]; };
namespace { struct hidden@ : dog@ { u32 x = $[u16]; }; }
static NOINLINE u32 kind@(const animal@ *a) {
  if (typeid(*a) == typeid(dog@)) return 1;
  if (typeid(*a) == typeid(hidden@)) return 2;
  if (dynamic_cast<const dog@ *>(a)) return 3;
  return typeid(*a) == typeid(animal@) ? 4 : 5;
}
u32 run@(u32 x) {
  animal@ a; dog@ d; cat@ c; hidden@ n;
  animal@ *all[] = {&a, &d, c.plain(), &n};
  u32 h = x;
  for (u32 i = 0; i < $[3..9]; ++i) {
    animal@ *copied = all[(x + i) & 3]->copy();
    h = fold(h, kind@(all[i & 3]) * 10 + kind@(copied) + copied->legs);
    delete copied;
  }
  return h;
}
