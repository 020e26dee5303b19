static volatile struct { u32 status, data, count; u8 bytes[$[4..12]]; } device@;
static NOINLINE u32 poll@(u32 x) {
  u32 h = 0;
  for (u32 i = 0; i < $[4..20]; ++i) {
    device@.data = x + i;
    device@.status |= 1u << (i & 7);
    device@.count++;
    if (device@.status & $[u8])
      h += device@.data;
    device@.bytes[i % sizeof device@.bytes] += (u8)i;
    (void)device@.count;
  }
  return h;
}
u32 run@(u32 x) {
  device@.status = 0;
  u32 h = poll@(x) + device@.count;
  for (unsigned i = 0; i < sizeof device@.bytes; ++i)
    h = fold(h, device@.bytes[i]);
  return h;
}
