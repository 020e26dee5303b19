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

static constexpr StringRef Outlined = "OUTLINED_FUNCTION_"; // as LLVM's machine outliner calls what it makes

namespace {
// A function's place in its section.
struct Span {
  uint64_t Begin, End;
  size_t Function;
  bool Thumb = false;
};

// Where something in a section of data begins, and the only function that refers to it, if it is only one.
struct Datum {
  size_t Owner;
  bool Shared = false;
};

// Where the branch leads that an instruction of AArch64 or ARM is, if it is one; Length is that of the instruction.
bool isBranch(const ObjectFile &Object, bool Thumb, StringRef Code, uint64_t At, uint64_t &Target, unsigned &Length) {
  auto Half = [&](uint64_t Place) -> uint32_t { return support::endian::read16le(Code.data() + Place); };
  uint32_t First = Half(At);
  Length = Thumb && (First >> 11) < 0x1d ? 2 : 4;
  if (Length == 2 || At + 4 > Code.size())
    return false;
  uint32_t Second = Half(At + 2), Word = Second << 16 | First;
  if (Object.getArch() == Triple::aarch64) {
    Target = At + SignExtend64<28>((Word & 0x3ffffff) << 2);
    return (Word >> 26 & 0x1f) == 5;
  }
  if (!Thumb) {
    Target = At + 8 + SignExtend64<26>((Word & 0xffffff) << 2);
    return (Word >> 25 & 7) == 5;
  }
  uint32_t Sign = First >> 10 & 1, J1 = (Second >> 13 & 1) ^ Sign ^ 1, J2 = (Second >> 11 & 1) ^ Sign ^ 1;
  Target = At + 4 + SignExtend64<25>(Sign << 24 | J1 << 23 | J2 << 22 | (First & 0x3ff) << 12 | (Second & 0x7ff) << 1);
  return (First >> 11) == 0x1e && (Second & 0x9000) == 0x9000;
}

class Census {
  const ObjectFile &Object;
  size_t Functions;            // behind them stand those that the machine outliner made
  std::vector<uint64_t> Sizes;
  std::map<size_t, std::map<size_t, uint64_t>> Calls; // made by the outliner -> function -> calls
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

  void addCode(SymbolRef Symbol, SectionRef Section, uint64_t Begin, uint64_t Size, size_t Function) {
    auto Flags = Symbol.getFlags();
    Code[Section.getIndex()].push_back({Begin, Begin + Size, Function, Flags && (*Flags & SymbolRef::SF_Thumb)});
    consumeError(Flags.takeError());
  }

  void addCall(const Span &From, uint64_t Section, uint64_t Offset) {
    const Span *To = functionAt(Section, Offset);
    if (To && To->Begin == Offset && To->Function >= Functions)
      ++Calls[To->Function][From.Function];
  }

  // Calls inside a section need no relocation.
  void addCalls(SectionRef S) {
    auto Spans = Code.find(S.getIndex());
    auto Arch = Object.getArch();
    bool Thumb = Arch == Triple::thumb || Arch == Triple::arm;
    if (Spans == Code.end() || Sizes.size() == Functions || !(Arch == Triple::aarch64 || Thumb) || !Object.isLittleEndian())
      return;
    auto Contents = S.getContents();
    if (!Contents) {
      consumeError(Contents.takeError());
      return;
    }
    for (const Span &One : Spans->second) {
      unsigned Length;
      uint64_t Target;
      for (uint64_t At = One.Begin; At + 2 <= std::min<uint64_t>(One.End, Contents->size()); At += Length)
        if (isBranch(Object, Thumb && One.Thumb, *Contents, At, Target, Length))
          addCall(One, S.getIndex(), Target);
    }
  }

  // Who calls what the outliner made pays for it, by calls.
  void chargeOutlined() {
    for (auto &One : Calls) {
      uint64_t All = 0;
      for (auto &Caller : One.second)
        All += Caller.second;
      for (auto &Caller : One.second)
        if (Caller.first < Functions)
          Sizes[Caller.first] += Sizes[One.first] * Caller.second / All;
    }
    Sizes.resize(Functions);
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
      bool Known = From && targetOf(R, Section, Offset);
      if (Known && Code.count(Section))
        addCall(*From, Section, Offset);
      else if (Known && !inVariable(Section, Offset))
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
  Census(const ObjectFile &Object, ArrayRef<std::string> Names) : Object(Object), Functions(Names.size()), Sizes(Names.size()) {
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
        addCode(SymbolAndSize.first, **Where, *Value, SymbolAndSize.second, Place->second);
      } else if (Name && Name->substr(0, Outlined.size()) == Outlined && Value && Where && *Where != Object.section_end()) {
        Sizes.push_back(SymbolAndSize.second);
        addCode(SymbolAndSize.first, **Where, *Value, SymbolAndSize.second, Sizes.size() - 1);
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
      addCalls(S);
    }
    chargeData();
    chargeOutlined();
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
