#include "credit.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Object/SymbolSize.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>

using namespace llvm;
using namespace llvm::object;

namespace {
// A function's place in its section.
struct Span {
  uint64_t Begin, End;
  size_t Function;
};

// Where something in a section of data begins, and the only function that refers to it, if it is only one.
struct Datum {
  size_t Owner;
  bool Shared = false;
};

class Census {
  const ObjectFile &Object;
  std::vector<uint64_t> Sizes;
  std::map<uint64_t, std::vector<Span>> Code;          // section index -> functions by address
  std::map<uint64_t, std::map<uint64_t, Datum>> Data;  // section index -> offset -> what begins there
  std::map<uint64_t, std::map<uint64_t, uint64_t>> Variables; // section index -> begin -> end

  // The function that holds the byte at Offset of a section of code.
  const Span *functionAt(uint64_t Section, uint64_t Offset) const {
    auto Spans = Code.find(Section);
    if (Spans == Code.end())
      return nullptr;
    auto After = upper_bound(Spans->second, Offset, [](uint64_t Value, const Span &One) { return Value < One.Begin; });
    if (After == Spans->second.begin() || Offset >= std::prev(After)->End)
      return nullptr;
    return &*std::prev(After);
  }

  // Section and offset that a relocation points at, unless it names a symbol that others may see.
  bool targetOf(RelocationRef R, uint64_t &Section, uint64_t &Offset) const {
    symbol_iterator Symbol = R.getSymbol();
    if (Symbol == Object.symbol_end())
      return false;
    auto Where = Symbol->getSection();
    auto Value = Symbol->getValue();
    if (!Where || !Value || *Where == Object.section_end()) {
      consumeError(Where.takeError());
      consumeError(Value.takeError());
      return false;
    }
    auto Addend = ELFRelocationRef(R).getAddend();
    Section = (*Where)->getIndex();
    Offset = *Value + (Addend ? uint64_t(*Addend) : 0);
    consumeError(Addend.takeError());
    // What an instruction of x86 refers to counts from its end: 4 bytes on.
    if (Object.getArch() == Triple::x86_64 && R.getType() == ELF::R_X86_64_PC32)
      Offset += 4;
    return true;
  }

  // The program's own tables are there whatever a list does; a function pays for what code generation made for it.
  bool inVariable(uint64_t Section, uint64_t Offset) const {
    auto Here = Variables.find(Section);
    if (Here == Variables.end())
      return false;
    auto After = Here->second.upper_bound(Offset);
    return After != Here->second.begin() && Offset < std::prev(After)->second;
  }

  void addReference(uint64_t Section, uint64_t Offset, size_t Function) {
    auto Inserted = Data[Section].insert({Offset, Datum{Function}});
    Inserted.first->second.Shared |= Inserted.first->second.Owner != Function;
  }

  // What code of S refers to in other sections.
  void addReferences(SectionRef S) {
    auto Of = S.getRelocatedSection();
    if (!Of || *Of == Object.section_end() || !(*Of)->isText()) {
      consumeError(Of.takeError());
      return;
    }
    for (RelocationRef R : S.relocations()) {
      const Span *From = functionAt((*Of)->getIndex(), R.getOffset());
      uint64_t Section, Offset;
      if (From && targetOf(R, Section, Offset) && !Code.count(Section) && !inVariable(Section, Offset))
        addReference(Section, Offset, From->Function);
    }
  }

  // Unwind entries: each ends with the relocations of its function's begin and, perhaps, of its exception table.
  void addUnwindEntries(SectionRef Frame, SectionRef Relocations) {
    auto Contents = Frame.getContents();
    if (!Contents) {
      consumeError(Contents.takeError());
      return;
    }
    auto Order = Object.isLittleEndian() ? compat::LittleEndian : compat::BigEndian;
    auto Word = [&](uint64_t At) { return support::endian::read32(Contents->data() + At, Order); };
    std::map<uint64_t, RelocationRef> ByOffset;
    for (RelocationRef R : Relocations.relocations())
      ByOffset.insert({R.getOffset(), R});
    uint64_t Length;
    for (uint64_t At = 0; At + 8 <= Contents->size(); At += 4 + Length) {
      Length = Word(At);
      auto First = ByOffset.lower_bound(At + 8);
      uint64_t Section, Offset;
      // The word after the length is 0 in the common part of several entries.
      if (Word(At + 4) == 0 || First == ByOffset.end() || First->first >= At + 4 + Length || !targetOf(First->second, Section, Offset))
        continue;
      const Span *Of = functionAt(Section, begin(First->second, Offset));
      if (!Of)
        continue;
      Sizes[Of->Function] += 4 + Length;
      auto Table = std::next(First);
      if (Table != ByOffset.end() && Table->first < At + 4 + Length && targetOf(Table->second, Section, Offset))
        addReference(Section, begin(Table->second, Offset), Of->Function);
    }
  }

  // Undoes what targetOf adds for instructions: these words of data count from themselves.
  uint64_t begin(RelocationRef R, uint64_t Offset) const {
    return Object.getArch() == Triple::x86_64 && R.getType() == ELF::R_X86_64_PC32 ? Offset - 4 : Offset;
  }


  // Every datum reaches to the next one, or in a section of equal constants as far as one of them.
  void chargeData() {
    for (SectionRef S : Object.sections()) {
      auto Found = Data.find(S.getIndex());
      if (Found == Data.end() || S.isBSS() || S.isText())
        continue;
      ELFSectionRef E(S);
      bool Strings = E.getFlags() & ELF::SHF_STRINGS;
      bool Constants = E.getFlags() & ELF::SHF_MERGE;
      for (auto One = Found->second.begin(); One != Found->second.end() && !Strings; ++One) {
        auto Next = std::next(One);
        uint64_t End = Next == Found->second.end() ? S.getSize() : std::min(Next->first, S.getSize());
        auto Variable = Variables[S.getIndex()].lower_bound(One->first);
        if (Variable != Variables[S.getIndex()].end())
          End = std::min(End, Variable->first);
        if (Constants)
          End = std::min(End, One->first + constantSize(S));
        if (!One->second.Shared && End > One->first)
          Sizes[One->second.Owner] += End - One->first;
      }
    }
  }

  static bool isVariable(SymbolRef Symbol) {
    auto Type = Symbol.getType();
    bool Is = Type && *Type == SymbolRef::ST_Data;
    consumeError(Type.takeError());
    return Is;
  }

  // .rodata.cst16 holds constants of 16 bytes.
  uint64_t constantSize(SectionRef S) const {
    uint64_t Size = S.getSize();
    if (auto Name = S.getName())
      Name->substr(Name->rfind("cst") + 3).getAsInteger(10, Size);
    else
      consumeError(Name.takeError());
    return Size;
  }

public:
  Census(const ObjectFile &Object, ArrayRef<std::string> Names) : Object(Object), Sizes(Names.size()) {
    StringMap<size_t> Places;
    for (size_t Place = 0; Place < Names.size(); ++Place)
      Places[Names[Place]] = Place;
    for (auto &SymbolAndSize : computeSymbolSizes(Object)) {
      auto Name = SymbolAndSize.first.getName();
      auto Value = SymbolAndSize.first.getValue();
      auto Where = SymbolAndSize.first.getSection();
      auto Place = Name ? Places.find(*Name) : Places.end();
      if (Place != Places.end() && Value && Where && *Where != Object.section_end() && Sizes[Place->second] == 0) {
        Sizes[Place->second] = SymbolAndSize.second;
        Code[(*Where)->getIndex()].push_back({*Value, *Value + SymbolAndSize.second, Place->second});
      } else if (Value && Where && *Where != Object.section_end() && SymbolAndSize.second && isVariable(SymbolAndSize.first)) {
        Variables[(*Where)->getIndex()][*Value] = *Value + SymbolAndSize.second;
      }
      consumeError(Name.takeError());
      consumeError(Value.takeError());
      consumeError(Where.takeError());
    }
    for (auto &Section : Code)
      llvm::sort(Section.second, [](const Span &A, const Span &B) { return A.Begin < B.Begin; });
  }

  std::vector<uint64_t> take() {
    if (!isa<ELFObjectFileBase>(Object))
      return Sizes;
    for (SectionRef S : Object.sections()) {
      auto Of = S.getRelocatedSection();
      bool Frame = false;
      if (Of && *Of != Object.section_end())
        if (auto Name = (*Of)->getName())
          Frame = *Name == ".eh_frame";
      if (Frame)
        addUnwindEntries(**Of, S);
      consumeError(Of.takeError());
      addReferences(S);
    }
    chargeData();
    return Sizes;
  }
};
} // namespace

std::vector<uint64_t> functionSizes(StringRef Bytes, ArrayRef<std::string> Names) {
  auto Buffer = MemoryBuffer::getMemBuffer(Bytes, "", /*RequiresNullTerminator=*/false);
  auto Object = ObjectFile::createObjectFile(*Buffer);
  if (!Object) {
    consumeError(Object.takeError());
    return std::vector<uint64_t>(Names.size());
  }
  return Census(**Object, Names).take();
}
