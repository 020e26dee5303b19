// needs: elf
// once: yes
// options: -finstrument-functions
static u32 entered@, left@;
#define QUIET __attribute__((no_instrument_function))
QUIET void __cyg_profile_func_enter(void *f, void *from) { (void)f; (void)from; ++entered@; }
QUIET void __cyg_profile_func_exit(void *f, void *from) { (void)f; (void)from; ++left@; }
static inline u32 small@(u32 x) { return x * $[3..9] + 1; }
static inline u32 middle@(u32 x) { return small@(x) ^ small@(x + 1); }
static NOINLINE u32 large@(u32 x) { u32 h = x; for (u32 i = 0; i < $[2..9]; ++i) h = fold(h, middle@(h + i)); return h; }
u32 run@(u32 x) { entered@ = left@ = 0; u32 h = large@(x); return fold(h, entered@ * 1000 + left@); }
