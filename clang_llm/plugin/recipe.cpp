#include "recipe.h"
#include "vocabulary.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

// More than any module has; it bounds what a poisoned entry can make us allocate.
static constexpr size_t MaxFunctions = 1 << 16, MaxPipelines = 1024;

std::string Recipe::text() const {
  if (!staged())
    return Module;
  return Module + " | " + join(Functions.begin(), Functions.end(), " / ") + " | " + Closing;
}

// LLVM's parser calls itself for each level, and the stack is not without end. Entries and messages nest three deep.
bool isShallow(StringRef Text) {
  unsigned Depth = 0;
  bool Quoted = false;
  for (size_t I = 0; I < Text.size(); ++I) {
    char C = Text[I];
    if (Quoted && C == '\\')
      ++I;
    else if (C == '"')
      Quoted = !Quoted;
    else if (!Quoted && (C == '[' || C == '{') && ++Depth > 32)
      return false;
    else if (!Quoted && (C == ']' || C == '}') && Depth > 0)
      --Depth;
  }
  return true;
}

static bool readUse(const json::Value *Field, Recipe &Out) {
  if (!Field)
    return true;
  const json::Array *Numbers = Field->getAsArray();
  if (!Numbers || Numbers->size() > MaxFunctions)
    return false;
  for (const json::Value &Number : *Numbers) {
    auto Place = Number.getAsInteger();
    if (!Place || *Place < 0 || size_t(*Place) >= Out.Functions.size())
      return false;
    Out.Use.push_back(unsigned(*Place));
  }
  return true;
}

bool readRecipe(const json::Value &Value, Recipe &Out) {
  const json::Object *Object = Value.getAsObject();
  if (auto List = Value.getAsString())
    Out.Module = List->str();
  else
    return Object && readRecipe(*Object, Out);
  return true;
}

bool readRecipe(const json::Object &Object, Recipe &Out) {
  auto Module = Object.getString("module");
  const json::Array *Functions = Object.getArray("functions");
  if (!Module || !Functions || Functions->size() > MaxPipelines)
    return false;
  Out.Module = Module->str();
  for (const json::Value &Pipeline : *Functions) {
    if (!Pipeline.getAsString())
      return false;
    Out.Functions.push_back(Pipeline.getAsString()->str());
  }
  const json::Value *Closing = Object.get("closing");
  if (Closing && !Closing->getAsNull()) {
    if (!Closing->getAsString())
      return false;
    Out.Closing = Closing->getAsString()->str();
  }
  return readUse(Object.get("use"), Out);
}

bool inVocabulary(const Recipe &R) {
  auto Fits = [](const std::string &Function) { return Function.empty() || inVocabulary(StringRef(Function), "function"); };
  return inVocabulary(StringRef(R.Module)) && all_of(R.Functions, Fits) && (R.Closing.empty() || inVocabulary(StringRef(R.Closing)));
}
