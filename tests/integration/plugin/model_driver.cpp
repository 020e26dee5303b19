// What plugin/model/ says of functions, in bits: model_driver FILE [plain], where FILE is what small_model.py writes, and `plain` computes
// as machines without AVX2 do. It takes no LLVM, so that it runs on machines for which there is none. A line for each function: how many
// tokens, a digest of them and of the logits, the first four logits, and the recipes.
#include "model/answers.cpp"
#include "model/kernels.cpp"
#include "model/network.cpp"
#include "model/tokens.cpp"
#include <cstdio>
#include <cstdlib>

using namespace model;

namespace {
struct Reader {
  const char *Next;

  template <typename Number> Number take() {
    Number Value;
    memcpy(&Value, Next, sizeof Value);
    Next += sizeof Value;
    return Value;
  }
  std::string text() {
    uint32_t Size = take<uint32_t>();
    Next += Size;
    return std::string(Next - Size, Size);
  }
  const float *floats(size_t Count) {
    float *Copy = static_cast<float *>(malloc(Count * sizeof(float)));
    memcpy(Copy, Next, Count * sizeof(float));
    Next += Count * sizeof(float);
    return Copy;
  }
};
} // namespace

static std::vector<char> bytesOf(const char *Path) {
  std::vector<char> Bytes;
  FILE *File = fopen(Path, "rb");
  for (int Byte; File && (Byte = fgetc(File)) != EOF;)
    Bytes.push_back(char(Byte));
  return Bytes;
}

static uint64_t digest(const void *Data, size_t Size) {
  uint64_t Hash = 0xcbf29ce484222325u; // FNV-1a
  for (size_t I = 0; I < Size; ++I)
    Hash = (Hash ^ static_cast<const unsigned char *>(Data)[I]) * 0x100000001b3u;
  return Hash;
}

static void readWeights(Reader &R, Model &M) {
  Shape &S = M.S;
  for (size_t *Each : {&S.Vocabulary, &S.Width, &S.Inner, &S.Layers, &S.Heads, &S.Longest})
    *Each = R.take<uint32_t>();
  S.Epsilon = float(R.take<double>());
  S.Theta = R.take<double>();
  size_t Square = S.Width * S.Width, Wide = S.Width * S.Inner;
  M.W.Head = M.W.Embedding = R.floats(S.Vocabulary * S.Width);
  for (size_t I = 0; I < S.Layers; ++I) {
    Layer L = {};
    L.Before = R.floats(S.Width);
    for (const float **Each : {&L.Query, &L.Key, &L.Value, &L.Output})
      *Each = R.floats(Square);
    L.After = R.floats(S.Width);
    for (const float **Each : {&L.Gate, &L.Up, &L.Down})
      *Each = R.floats(Wide);
    M.W.Layers.push_back(L);
  }
  M.W.Norm = R.floats(S.Width);
  M.P.Count = R.take<uint32_t>();
  M.P.Recipes = R.take<uint32_t>();
  M.P.Excess = R.floats(M.P.Count * M.P.Recipes);
}

int main(int Count, char **Words) {
  std::vector<char> Bytes = bytesOf(Words[1]);
  Reader R{Bytes.data()};
  bool Wide = Count == 2;
  Model M;
  readWeights(R, M);
  Vocabulary V;
  for (uint32_t Left = R.take<uint32_t>(); Left > 0; --Left) {
    uint32_t Number = R.take<uint32_t>();
    V.Texts.push_back({R.text(), Number});
  }
  for (uint32_t Left = R.take<uint32_t>(); Left > 0; --Left) {
    std::string First = R.text();
    V.Merges.push_back({First, R.text()});
  }
  std::string Why, Family = R.text();
  Marks Around;
  if (const char *Problem = unfit(M.S))
    Why = Problem;
  if (!Why.empty() || !M.T.read(V, Why) || !M.T.findMarks(Family, M.P.Count, Around, Why)) {
    printf("refused: %s\n", Why.c_str());
    return 1;
  }
  std::vector<uint32_t> Columns;
  for (uint32_t Left = R.take<uint32_t>(); Left > 0; --Left)
    Columns.push_back(R.take<uint32_t>());
  uint32_t Recipes = R.take<uint32_t>();
  std::vector<std::string> Texts;
  for (uint32_t Left = R.take<uint32_t>(); Left > 0; --Left)
    Texts.push_back(R.text());
  std::vector<std::vector<uint8_t>> Found;
  for (size_t First = 0; First < Texts.size(); First += 50) { // modules of so many functions
    std::vector<std::string> Some(Texts.begin() + First, Texts.begin() + std::min(First + 50, Texts.size()));
    for (auto &Each : answers(M, Some, Family, Columns, Recipes, Why, Wide))
      Found.push_back(Each);
  }
  Network N(M.S, M.W, Wide);
  for (size_t I = 0; I < Texts.size(); ++I) {
    Tokens Asked = question(M.T, Around, Texts[I], M.S.Longest);
    auto Logits = N.logits({&Asked}, Around.FirstProfile, M.P.Count).front();
    printf("%zu %016llx %016llx", Asked.size(), (unsigned long long)digest(Asked.data(), Asked.size() * sizeof(uint32_t)),
           (unsigned long long)digest(Logits.data(), Logits.size() * sizeof(float)));
    for (size_t Profile = 0; Profile < 4; ++Profile) {
      uint32_t Bits;
      memcpy(&Bits, &Logits[Profile], sizeof Bits);
      printf(" %08x", Bits);
    }
    for (uint8_t Place : Found[I])
      printf(" %d", Place);
    printf("\n");
  }
  return 0;
}
