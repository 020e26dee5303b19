#include "image.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace llvm;
using namespace llvm::object;

static constexpr uint64_t TableEntry = 8; // bytes of an entry of .eh_frame_hdr

// Functions and variables have sections of their own, which the linker lays one after the other: .text.f and .text.g, .data.rel.ro.x.
static StringRef outputSection(StringRef Name) {
  if (compat::startsWithAny(Name, {".rodata.str", ".rodata.cst"})) // what is merged, each kind with its like
    return Name;
  for (StringRef Whole : {".data.rel.ro", ".init_array", ".fini_array"})
    if (compat::startsWith(Name, Whole))
      return Whole;
  return Name.take_front(Name.find('.', 1));
}

// Unwind entries that are no common part of others.
static uint64_t unwindEntries(const ObjectFile &Object, StringRef Contents) {
  auto Order = Object.isLittleEndian() ? compat::LittleEndian : compat::BigEndian;
  auto Word = [&](uint64_t At) { return support::endian::read32(Contents.data() + At, Order); };
  uint64_t Count = 0;
  for (uint64_t At = 0; At + 8 <= Contents.size(); At += 4 + Word(At))
    Count += Word(At + 4) != 0;
  return Count;
}

static uint64_t bytesOfRelocation(const ObjectFile &Object) {
  static const Triple::ArchType Implicit[] = {Triple::x86, Triple::arm, Triple::thumb, Triple::mipsel, Triple::mips}; // no addend
  return Object.getBytesInAddress() == 8 ? 24 : is_contained(Implicit, Object.getArch()) ? 8 : 12;
}

void chargeImage(const ObjectFile &Object, const Image &Into, ObjectSummary &Out) {
  if (!isa<ELFObjectFileBase>(Object))
    return;
  std::map<StringRef, uint64_t> Ends;
  auto Add = [&](PartOfObject Part, uint64_t Bytes) {
    Out.Bytes[Part] += Bytes;
    Out.Size += Bytes;
  };
  for (SectionRef S : Object.sections()) {
    Expected<StringRef> Name = S.getName();
    if (!Name) {
      consumeError(Name.takeError());
      continue;
    }
    uint64_t Flags = ELFSectionRef(S).getFlags();
    if ((Flags & ELF::SHF_ALLOC) && !S.isBSS() && S.getSize()) {
      uint64_t &End = Ends[outputSection(*Name)], Begin = alignTo(End, std::max<uint64_t>(1, compat::alignmentOf(S)));
      Add(S.isText() ? Code : Flags & ELF::SHF_WRITE ? Writable : ReadOnly, Begin - End);
      End = Begin + S.getSize();
      Expected<StringRef> Contents = S.getContents();
      if (!Contents)
        consumeError(Contents.takeError());
      else if (Into.UnwindTable && *Name == ".eh_frame")
        Add(Unwind, TableEntry * unwindEntries(Object, *Contents));
    }
    auto Of = S.getRelocatedSection();
    if (!Of)
      consumeError(Of.takeError());
    else if (Into.Moves && *Of != Object.section_end() && (ELFSectionRef(**Of).getFlags() & ELF::SHF_WRITE))
      Add(ReadOnly, bytesOfRelocation(Object) * uint64_t(std::distance(S.relocation_begin(), S.relocation_end())));
  }
}
