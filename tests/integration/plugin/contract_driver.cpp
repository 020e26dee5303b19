// Says which fact of plugin/contract.h the second object breaks: contract PROMISES.bc OZ.bc OZ.o OURS.bc OURS.o
#include "blame.cpp"
#include "contract.cpp"
#include "guard.cpp"
#include "image.cpp"
#include "object.cpp"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/SourceMgr.h"

using namespace llvm;

static std::vector<Fact> all(const Module &M, const Module &AlignmentsOf, const Promises &P, const char *Object) {
  auto Buffer = MemoryBuffer::getFile(Object);
  References Known(M);
  std::vector<Fact> Found = factsOf(M);
  for (auto &Some : {alignmentsOf(AlignmentsOf), factsOf((*Buffer)->getBuffer(), P, &Known), Known.recursions()})
    Found.insert(Found.end(), Some.begin(), Some.end());
  for (Fact &One : Found) { // what a child tells its parent
    Fact Copy;
    if (!Copy.read(One.text()))
      return {};
    One = Copy;
  }
  return Found;
}

int main(int Count, char **Words) {
  LLVMContext Context;
  SMDiagnostic Error;
  auto Source = parseIRFile(Words[1], Error, Context);
  auto Oz = parseIRFile(Words[2], Error, Context);
  auto Ours = parseIRFile(Words[4], Error, Context);
  if (Count != 6 || !Source || !Oz || !Ours)
    return 2;
  Promises P = promisesOf(*Source);
  outs() << broken(all(*Oz, *Source, P, Words[3]), all(*Ours, *Ours, P, Words[5])) << '\n';
  return 0;
}
