static u32 log@;
struct part@ { u32 n; explicit part@(u32 v) : n(v) { log@ = log@ * $[3..31] + n; } ~part@() { log@ = log@ * 7 + n + 1; } };
struct whole@ {
  part@ a{$[1..9]}; part@ b; static part@ shared;
  explicit whole@(u32 v) : b(v) {}
};
part@ whole@::shared{$[10..99]};
static part@ &once@() { static part@ p{$[100..200]}; return p; }
inline part@ along@{$[3..9]};
static thread_local part@ per_thread@{$[5..8]};
u32 run@(u32 x) {
  whole@ w(x & 15);
  { part@ many[] = {part@{1}, part@{2}}; log@ += many[x & 1].n; }
  once@().n += x & 3;
  per_thread@.n += 1;
  return fold(log@, once@().n + along@.n * 3 + whole@::shared.n + per_thread@.n + w.b.n);
}
