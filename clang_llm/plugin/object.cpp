#include "object.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/COFF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/MachO.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Object/Wasm.h"
#include "llvm/Support/MemoryBuffer.h"
#include <algorithm>

using namespace llvm;
using namespace llvm::object;

static bool countsInCOFF(const COFFObjectFile &Object, SectionRef S) {
  uint32_t Flags = Object.getCOFFSection(S)->Characteristics;
  return !(Flags & (COFF::IMAGE_SCN_LNK_REMOVE | COFF::IMAGE_SCN_LNK_INFO | COFF::IMAGE_SCN_MEM_DISCARDABLE));
}

static bool countsInMachO(const MachOObjectFile &Object, SectionRef S) {
  return Object.getSectionFinalSegmentName(S.getRawDataRefImpl()) != "__DWARF";
}

// Allocated in the program's memory and present in the file.
static bool counts(const ObjectFile &Object, SectionRef S) {
  if (S.isBSS() || S.isVirtual())
    return false;
  if (isa<ELFObjectFileBase>(Object))
    return ELFSectionRef(S).getFlags() & ELF::SHF_ALLOC;
  if (auto *COFF = dyn_cast<COFFObjectFile>(&Object))
    return countsInCOFF(*COFF, S);
  if (auto *MachO = dyn_cast<MachOObjectFile>(&Object))
    return countsInMachO(*MachO, S);
  if (auto *Wasm = dyn_cast<WasmObjectFile>(&Object)) // custom sections (names, relocations, DWARF) are not loaded
    return Wasm->getWasmSection(S).Type != wasm::WASM_SEC_CUSTOM;
  return true;
}

static std::string describe(const ObjectFile &Object, SymbolRef Symbol, StringRef Name, uint32_t Flags) {
  if (isa<ELFObjectFileBase>(Object)) {
    ELFSymbolRef E(Symbol);
    return (Name + " " + Twine(unsigned(E.getELFType())) + " " + Twine(unsigned(E.getBinding())) + " " +
            Twine(unsigned(E.getOther() & 3)))
        .str();
  }
  return (Name + " " + Twine(Flags)).str();
}

static bool addSymbol(const ObjectFile &Object, SymbolRef Symbol, ObjectSummary &Out) {
  auto Flags = Symbol.getFlags();
  auto Name = Symbol.getName();
  if (!Flags || !Name) {
    consumeError(Flags.takeError());
    consumeError(Name.takeError());
    return false;
  }
  if (*Flags & SymbolRef::SF_FormatSpecific)
    return true;
  if (*Flags & SymbolRef::SF_Undefined)
    Out.Needed.push_back(Name->str());
  else if (*Flags & SymbolRef::SF_Weak)
    Out.Weak.push_back(Name->str());
  else if (*Flags & SymbolRef::SF_Global)
    Out.Defined.push_back(describe(Object, Symbol, *Name, *Flags));
  return true;
}

bool summarise(StringRef Bytes, ObjectSummary &Out) {
  auto Buffer = MemoryBuffer::getMemBuffer(Bytes, "", /*RequiresNullTerminator=*/false);
  auto Object = ObjectFile::createObjectFile(*Buffer);
  if (!Object) {
    consumeError(Object.takeError());
    return false;
  }
  for (SectionRef S : (*Object)->sections())
    if (counts(**Object, S)) {
      Out.Size += S.getSize();
      Out.Code += S.isText() ? S.getSize() : 0;
    }
  for (SymbolRef Symbol : (*Object)->symbols())
    if (!addSymbol(**Object, Symbol, Out))
      return false;
  for (auto *Names : {&Out.Defined, &Out.Weak, &Out.Needed})
    std::sort(Names->begin(), Names->end());
  return true;
}

bool mayAlwaysBeCalled(StringRef Name) {
  static const StringRef Plain[] = {"memcpy", "memmove", "memset", "memcmp"};
  static const StringRef Arm[] = {"cpy", "move", "set", "clr"};
  if (Name.consume_front("__aeabi_mem")) // ARM's run-time ABI spells the same functions by alignment
    return is_contained(Arm, Name.rtrim("48"));
  return is_contained(Plain, Name);
}
