#include "diagnostics.h"
#include "blame.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <map>

using namespace llvm;

// Whose message clang places by its function or by debug information, both of which the text names.
static const Function *subject(const DiagnosticInfo &Info) {
  if (auto *Resource = dyn_cast<DiagnosticInfoResourceLimit>(&Info)) // -Wframe-larger-than
    return &Resource->getFunction();
  if (auto *Missed = dyn_cast<DiagnosticInfoIROptimization>(&Info)) // -Wpass-failed
    return &Missed->getFunction();
  return nullptr;
}

bool Listener::handleDiagnostics(const DiagnosticInfo &Info) {
  if (Info.getSeverity() != DS_Error && Info.getSeverity() != DS_Warning)
    return true;
  Saying One;
  const Function *F = Info.getSeverity() == DS_Warning ? subject(Info) : nullptr;
  if (F) {
    One.Function = objectName(*F);
    raw_string_ostream OS(One.Text);
    DiagnosticPrinterRawOStream Printer(OS);
    Info.print(Printer);
    OS.flush();
  }
  Said.push_back(std::move(One));
  return true;
}

bool saysTheSame(ArrayRef<Saying> Baseline, ArrayRef<Saying> Candidate) {
  return std::equal(Baseline.begin(), Baseline.end(), Candidate.begin(), Candidate.end(), [](const Saying &One, const Saying &Other) {
    return !One.Text.empty() && One.Text == Other.Text && One.Function == Other.Function;
  });
}

std::vector<uint64_t> placesOfDifference(ArrayRef<Saying> Baseline, ArrayRef<Saying> Candidate, ArrayRef<std::string> Functions) {
  std::map<std::string, std::vector<std::string>> Expected, Found;
  for (const Saying &One : Baseline)
    Expected[One.Function].push_back(One.Text);
  for (const Saying &One : Candidate)
    Found[One.Function].push_back(One.Text);
  std::vector<uint64_t> Places;
  for (size_t Place = 0; Place < Functions.size(); ++Place) {
    auto Before = Expected.find(Functions[Place]), After = Found.find(Functions[Place]);
    auto Texts = [](auto Where, auto &Map) { return Where == Map.end() ? std::vector<std::string>() : Where->second; };
    if (Texts(Before, Expected) != Texts(After, Found))
      Places.push_back(Place);
    if (Before != Expected.end())
      Expected.erase(Before);
    if (After != Found.end())
      Found.erase(After);
  }
  return Expected == Found ? Places : std::vector<uint64_t>();
}
