#include "emit.h"
#include "evaluate.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static bool readRecipes(const std::string &Directory, std::vector<Recipe> &Out) {
  auto Buffer = MemoryBuffer::getFile(Directory + "/recipes");
  if (!Buffer)
    return false;
  for (line_iterator Line(**Buffer); !Line.is_at_end(); ++Line) {
    Expected<json::Value> Parsed = json::parse(*Line);
    Recipe R;
    if (!Parsed) {
      consumeError(Parsed.takeError());
      return false;
    }
    if (!readRecipe(*Parsed, R))
      return false;
    R.Output = Directory + "/" + std::to_string(Out.size()) + ".o";
    Out.push_back(std::move(R));
  }
  return true;
}

static json::Object resultOf(int64_t Id, const Measurement &Result) {
  return json::Object{{"id", Id}, {"status", Result.Status}, {"size", int64_t(Result.Object.Size)}, {"reason", Result.Reason}, {"seconds", Result.CpuSeconds}};
}

bool emitObjects(Compile &C, const Settings &S) {
  std::vector<Recipe> Recipes;
  std::error_code Failed;
  raw_fd_ostream OS(S.EmitDirectory + "/results", Failed);
  if (Failed || !readRecipes(S.EmitDirectory, Recipes)) {
    C.M.getContext().emitError("clang-llm: the recipes to emit cannot be read");
    return false;
  }
  Measurement Baseline = measureBaseline(C);
  OS << json::Value(resultOf(-1, Baseline)) << '\n';
  if (!Baseline.ok())
    return true;
  std::vector<Measurement> Results = measureRecipes(C, Baseline, Recipes, S);
  for (size_t I = 0; I < Results.size(); ++I)
    OS << json::Value(resultOf(int64_t(I), Results[I])) << '\n';
  return true;
}
