#include "model/tokens.h"
#include <algorithm>
#include <queue>

namespace model {

static uint64_t pairOf(uint32_t Left, uint32_t Right) { return uint64_t(Left) << 32 | Right; }

size_t Tokenizer::slot(uint64_t Pair) const {
  size_t Place = size_t((Pair * 0x9E3779B97F4A7C15u) >> 32) & (Merges.size() - 1);
  while (Merges[Place].Pair != Pair && Merges[Place].Pair != ~uint64_t(0))
    Place = (Place + 1) & (Merges.size() - 1);
  return Place;
}

const Tokenizer::Merge *Tokenizer::merge(uint32_t Left, uint32_t Right) const {
  const Merge &Found = Merges[slot(pairOf(Left, Right))];
  return Found.Pair == pairOf(Left, Right) ? &Found : nullptr;
}

bool Tokenizer::find(const std::string &Text, uint32_t &Number) const {
  auto Found = Numbers.find(Text);
  if (Found == Numbers.end())
    return false;
  Number = Found->second;
  return true;
}

bool Tokenizer::read(const Vocabulary &From, std::string &Why) {
  Numbers.reserve(From.Texts.size());
  for (auto &Each : From.Texts) {
    Numbers[Each.first] = Each.second;
    if (Each.first.size() == 1)
      OfByte[(unsigned char)Each.first[0]] = Each.second;
  }
  size_t Room = 16;
  while (Room < 4 * From.Merges.size())
    Room *= 2;
  Merges.assign(Room, Merge());
  for (size_t Rank = 0; Rank < From.Merges.size(); ++Rank) {
    const std::string &A = From.Merges[Rank].first, &B = From.Merges[Rank].second;
    uint32_t Left, Right, Whole;
    if (!find(A, Left) || !find(B, Right) || !find(A + B, Whole)) {
      Why = "the tokenizer merges what is no token";
      return false;
    }
    Merge &New = Merges[slot(pairOf(Left, Right))];
    New.Pair = pairOf(Left, Right);
    New.Rank = uint32_t(Rank);
    New.Becomes = Whole;
  }
  return true;
}

bool Tokenizer::findMarks(const std::string &Family, size_t Profiles, Marks &Out, std::string &Why) const {
  auto Need = [&](const std::string &Text) {
    uint32_t Number = 0;
    if (!find(Text, Number))
      Why = "the tokenizer has no token " + Text;
    return Number;
  };
  Out.Begin = Need("<begin>");
  Out.Family = Need("<" + Family + ">");
  Out.Cut = Need("<cut>");
  Out.Questions = {Need("<before>"), Need("<after>"), Need("<answer>")};
  for (int Place = 0; Place < 60; ++Place)
    Out.Sizes.push_back(Need("<size " + std::to_string(Place) + ">"));
  Out.FirstProfile = Need("<profile 0>");
  for (size_t Place = 0; Place < Profiles && Why.empty(); ++Place)
    if (Need("<profile " + std::to_string(Place) + ">") != Out.FirstProfile + Place)
      Why = "the tokens of the profiles do not follow each other";
  return Why.empty();
}

namespace {
// A token of a block while its neighbours are merged; 0 Bytes when it has become part of the one before.
struct Symbol {
  uint32_t Token;
  int Previous, Next;
  bool Gone;
};

// Two neighbours that may become one: the lowest rank first, of those the first in the text.
struct Candidate {
  uint32_t Rank;
  int Place;
  uint32_t Becomes;
  bool operator<(const Candidate &Other) const { return Rank != Other.Rank ? Rank > Other.Rank : Place > Other.Place; }
};
} // namespace

void Tokenizer::encodeBlock(const char *Text, size_t Size, Tokens &Out) const {
  std::vector<Symbol> Symbols;
  for (size_t I = 0; I < Size; ++I)
    if (OfByte[(unsigned char)Text[I]] >= 0) {
      int Place = int(Symbols.size());
      Symbols.push_back({uint32_t(OfByte[(unsigned char)Text[I]]), Place - 1, Place + 1, false});
    }
  if (Symbols.empty())
    return;
  Symbols.back().Next = -1;
  std::priority_queue<Candidate> Queue;
  auto Offer = [&](int Place) {
    int Next = Place < 0 ? -1 : Symbols[Place].Next;
    if (Next < 0)
      return;
    if (const Merge *Found = merge(Symbols[Place].Token, Symbols[Next].Token))
      Queue.push({Found->Rank, Place, Found->Becomes});
  };
  for (size_t Place = 0; Place < Symbols.size(); ++Place)
    Offer(int(Place));
  while (!Queue.empty()) {
    Candidate Best = Queue.top();
    Queue.pop();
    Symbol &Left = Symbols[Best.Place];
    if (Left.Gone || Left.Next < 0)
      continue;
    const Merge *Now = merge(Left.Token, Symbols[Left.Next].Token);
    if (!Now || Now->Becomes != Best.Becomes)
      continue; // a neighbour has changed since
    Symbol &Right = Symbols[Left.Next];
    Right.Gone = true;
    Left.Token = Best.Becomes;
    Left.Next = Right.Next;
    if (Left.Next >= 0)
      Symbols[Left.Next].Previous = Best.Place;
    Offer(Left.Previous);
    Offer(Best.Place);
  }
  for (int Place = 0; Place >= 0; Place = Symbols[Place].Next)
    Out.push_back(Symbols[Place].Token);
}

Tokens Tokenizer::encode(const std::string &Text) const {
  Tokens Found;
  for (size_t Begin = 0; Begin < Text.size();) {
    size_t End = std::min(Text.find('\n', Begin), Text.size() - 1) + 1;
    encodeBlock(Text.data() + Begin, End - Begin, Found);
    Begin = End;
  }
  return Found;
}

// Where so many instructions of four bytes are on the scale of sizes, which begins at two bytes and has four places for each doubling.
static size_t placeOf(uint64_t Instructions) {
  // Halfway between two places, within one doubling.
  static const double Halfway[4] = {1.0905077326652577, 1.2968395546510096, 1.5422108254079408, 1.8340080864093424};
  double Sizes = 2.0 * double(Instructions), Doubling = 1;
  size_t Place = 0;
  while (Place < 59 && Sizes >= Halfway[Place % 4] * Doubling) {
    ++Place;
    if (Place % 4 == 0)
      Doubling *= 2;
  }
  return Place;
}

Tokens question(const Tokenizer &Of, const Marks &Around, const std::string &Text, size_t Longest) {
  Tokens Read = Of.encode(Text);
  uint64_t Instructions = uint64_t(std::count(Text.begin(), Text.end(), ';'));
  Tokens Whole = {Around.Begin, Around.Family, Around.Sizes[placeOf(Instructions)]};
  size_t Room = Longest - Whole.size() - Around.Questions.size();
  if (Read.size() <= Room) {
    Whole.insert(Whole.end(), Read.begin(), Read.end());
  } else {
    size_t Half = (Room - 1) / 2, Rest = Room - 1 - Half;
    Whole.insert(Whole.end(), Read.begin(), Read.begin() + Half);
    Whole.push_back(Around.Cut);
    Whole.insert(Whole.end(), Read.end() - Rest, Read.end());
  }
  Whole.insert(Whole.end(), Around.Questions.begin(), Around.Questions.end());
  return Whole;
}

} // namespace model
