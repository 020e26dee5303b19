#include "model/answers.h"
#include <algorithm>
#include <map>

namespace model {

// Tokens that are computed together: few enough for what is made of them to stay near the processor. It changes no answer.
constexpr size_t Together = 512;

// Chances of the profiles, in doubles: they are few, and what recipes add to others differs in late digits.
static bool chancesOf(const std::vector<float> &Logits, std::vector<double> &Chances) {
  float Most = *std::max_element(Logits.begin(), Logits.end());
  double Sum = 0;
  for (float Logit : Logits) {
    Vector Each = {};
    Each += Logit - Most;
    exponential(Each);
    Chances.push_back(double(Each[0]));
    Sum += Chances.back();
  }
  for (double &Chance : Chances)
    Chance /= Sum;
  return std::all_of(Logits.begin(), Logits.end(), [](float Logit) { return Logit - Logit == 0; });
}

std::vector<uint8_t> bestSet(const std::vector<float> &Logits, const Profiles &P, const std::vector<uint32_t> &Columns, size_t Count) {
  std::vector<double> Chances;
  if (!chancesOf(Logits, Chances))
    return {};
  size_t Width = Columns.size();
  std::vector<double> Excess(P.Count * Width), Reached(P.Count, 0), Alone(Width, 0), Expected(Width);
  for (size_t Profile = 0; Profile < P.Count; ++Profile)
    for (size_t I = 0; I < Width; ++I) {
      double Each = double(P.Excess[Profile * P.Recipes + Columns[I]]);
      Excess[Profile * Width + I] = Each;
      Reached[Profile] = I == 0 ? Each : std::max(Reached[Profile], Each);
      Alone[I] += Chances[Profile] * Each;
    }
  std::vector<uint8_t> Chosen;
  std::vector<bool> Taken(Width);
  while (Chosen.size() < std::min(Count, Width)) {
    // When nothing adds anything any more: what is expected to be small by itself.
    for (size_t I = 0; I < Width; ++I)
      Expected[I] = 0;
    for (size_t Profile = 0; Profile < P.Count; ++Profile) {
      double Chance = Chances[Profile], Now = Reached[Profile];
      const double *Row = Excess.data() + Profile * Width;
      for (size_t I = 0; I < Width; ++I)
        Expected[I] += Chance * (Row[I] < Now ? Row[I] : Now);
    }
    size_t Best = Width;
    for (size_t I = 0; I < Width; ++I)
      if (!Taken[I] && (Best == Width || Expected[I] + 1e-6 * Alone[I] < Expected[Best] + 1e-6 * Alone[Best]))
        Best = I;
    Taken[Best] = true;
    Chosen.push_back(uint8_t(Best));
    for (size_t Profile = 0; Profile < P.Count; ++Profile)
      Reached[Profile] = std::min(Reached[Profile], Excess[Profile * Width + Best]);
  }
  return Chosen;
}

std::vector<std::vector<uint8_t>> answers(const Model &M, const std::vector<std::string> &Texts, const std::string &Family,
                                          const std::vector<uint32_t> &Columns, size_t Count, std::string &Why, bool Wide) {
  Marks Around;
  if (!M.T.findMarks(Family, M.P.Count, Around, Why))
    return {};
  std::map<Tokens, std::vector<uint8_t>> Known;
  std::vector<std::map<Tokens, std::vector<uint8_t>>::iterator> Asked, OfText;
  size_t Read = 0;
  for (const std::string &Text : Texts) {
    auto Added = Known.insert({question(M.T, Around, Text, M.S.Longest), {}});
    OfText.push_back(Added.first);
    if (Added.second && (Read += Added.first->first.size()) <= MostTokens)
      Asked.push_back(Added.first);
  }
  Network N(M.S, M.W, Wide);
  for (size_t Begin = 0, End; Begin < Asked.size(); Begin = End) {
    std::vector<const Tokens *> Batch;
    size_t Tokens = 0;
    for (End = Begin; End < Asked.size(); ++End) {
      Tokens += Asked[End]->first.size();
      if (Tokens > Together && !Batch.empty())
        break;
      Batch.push_back(&Asked[End]->first);
    }
    auto Logits = N.logits(Batch, Around.FirstProfile, M.P.Count);
    for (size_t I = 0; I < Batch.size(); ++I) {
      Asked[Begin + I]->second = bestSet(Logits[I], M.P, Columns, Count);
      if (Asked[Begin + I]->second.empty()) {
        Why = "what the network says is no number";
        return {};
      }
    }
  }
  std::vector<uint8_t> Usual;
  for (size_t Place = 0; Place < std::min(Count, Columns.size()); ++Place)
    Usual.push_back(uint8_t(Place));
  std::vector<std::vector<uint8_t>> Found;
  for (auto &Each : OfText)
    Found.push_back(Each->second.empty() ? Usual : Each->second);
  return Found;
}

} // namespace model
