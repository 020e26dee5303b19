// weight: low
#include <algorithm>
#include <string>
#include <vector>
static NOINLINE std::string word@(u32 x) { std::string s; for (; x; x >>= 5) s += (char)('a' + (x & 15)); return s.empty() ? "$[none ~~ a somewhat longer text]" : s; }
u32 run@(u32 x) {
  std::vector<$[u32 ~~ u16 ~~ u64]> list;
  u32 s = x, h = x;
  for (u32 i = 0; i < $[5..40]; ++i) list.push_back((u16)(next(&s) >> 20));
  std::sort(list.begin(), list.end(), [](auto a, auto b) { return $[a < b ~~ b < a]; });
  list.erase(std::unique(list.begin(), list.end()), list.end());
  for (auto v : list) h = fold(h, v);
  std::string t = word@(x) + "$[- ~~ /]" + word@(h);
  for (char c : t) h = fold(h, (u8)c);
  return h + (u32)t.find('$[a ~~ e]') + (u32)t.size();
}
