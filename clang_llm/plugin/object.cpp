#include "object.h"
#include "compat.h"
#include "image.h"
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

static bool unwinds(const ObjectFile &Object, StringRef Name) {
  static const StringRef Elf[] = {".eh_frame", ".gcc_except_table", ".ARM.exidx", ".ARM.extab"};
  static const StringRef Coff[] = {".eh_frame", ".gcc_except_table", ".pdata", ".xdata"};
  static const StringRef MachO[] = {"__eh_frame", "__gcc_except_tab", "__compact_unwind", "__unwind_info"};
  ArrayRef<StringRef> Names = Object.isCOFF() ? Coff : Object.isMachO() ? MachO : Elf;
  return any_of(Names, [&](StringRef One) { return compat::startsWith(Name, One); });
}

static bool isWritable(const ObjectFile &Object, SectionRef S) {
  if (isa<ELFObjectFileBase>(Object))
    return ELFSectionRef(S).getFlags() & ELF::SHF_WRITE;
  if (auto *COFF = dyn_cast<COFFObjectFile>(&Object))
    return COFF->getCOFFSection(S)->Characteristics & COFF::IMAGE_SCN_MEM_WRITE;
  if (auto *MachO = dyn_cast<MachOObjectFile>(&Object))
    return compat::startsWith(MachO->getSectionFinalSegmentName(S.getRawDataRefImpl()), "__DATA");
  if (auto *Wasm = dyn_cast<WasmObjectFile>(&Object)) // one section for all data
    return Wasm->getWasmSection(S).Type == wasm::WASM_SEC_DATA;
  return false;
}

static PartOfObject partOf(const ObjectFile &Object, SectionRef S) {
  if (S.isText())
    return Code;
  auto Name = S.getName();
  if (!Name)
    consumeError(Name.takeError());
  else if (unwinds(Object, *Name))
    return Unwind;
  return isWritable(Object, S) ? Writable : ReadOnly;
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

bool summarise(StringRef Bytes, const Image &Into, ObjectSummary &Out) {
  auto Buffer = MemoryBuffer::getMemBuffer(Bytes, "", /*RequiresNullTerminator=*/false);
  auto Object = ObjectFile::createObjectFile(*Buffer);
  if (!Object) {
    consumeError(Object.takeError());
    return false;
  }
  for (SectionRef S : (*Object)->sections())
    if (counts(**Object, S)) {
      Out.Size += S.getSize();
      Out.Bytes[partOf(**Object, S)] += S.getSize();
    }
  if (Into.Linked)
    chargeImage(**Object, Into, Out);
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
