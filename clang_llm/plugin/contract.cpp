#include "contract.h"
#include "blame.h"
#include "compat.h"
#include "guard.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/Wasm.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>

using namespace llvm;
using namespace llvm::object;

std::string Fact::text() const { return (StringRef(&Relation, 1) + Reason + " " + Twine(Value) + " " + What).str(); }

bool Fact::read(StringRef Text) {
  if (Text.empty())
    return false;
  Relation = Text.front();
  auto ReasonAndRest = Text.drop_front().split(' ');
  auto ValueAndWhat = ReasonAndRest.second.split(' ');
  Reason = ReasonAndRest.first.str();
  What = ValueAndWhat.second.str();
  return !ValueAndWhat.first.getAsInteger(10, Value);
}

// FNV-1a: the same in every process, unlike LLVM's hashes.
static uint64_t digest(StringRef Text) {
  uint64_t Hash = 0xcbf29ce484222325;
  for (char C : Text)
    Hash = (Hash ^ uint8_t(C)) * 0x100000001b3;
  return Hash;
}

static bool isOurs(const GlobalObject &G) { return !G.isDeclarationForLinker() && !G.hasLocalLinkage() && G.hasName(); }

std::vector<Fact> alignmentsOf(const Module &M) {
  std::vector<Fact> Found;
  for (const GlobalObject &G : M.global_objects())
    if (auto Alignment = G.getAlign())
      if (isOurs(G))
        Found.push_back({'^', "alignment", objectName(G), Alignment->value()});
  return Found;
}

// Where clang and the linker put ordinary code, with or without a name of its own for each function.
static bool isOrdinaryCode(StringRef Section) { return Section == ".text" || compat::startsWith(Section, ".text."); }

Promises promisesOf(const Module &M) {
  Promises P;
  for (const GlobalValue &G : M.global_values())
    // Unlike inline functions, which everyone brings along.
    if (!G.isDeclarationForLinker() && G.isWeakForLinker() && !G.isDiscardableIfUnused())
      P.Weak.push_back(G.getName().str());
  P.Alignments = alignmentsOf(M);
  for (const Function &F : M)
    if (!F.isDeclaration()) {
      P.HasLibraryFunctions |= mayBeLibraryFunction(F.getName());
      // clang's own choice for what runs once, before main.
      if (F.hasSection() && F.getSection() != ".text.startup")
        P.Sections.insert(F.getSection());
    }
  return P;
}

std::vector<Fact> factsOf(const Module &M) {
  std::vector<Fact> Found;
  for (const GlobalObject &G : M.global_objects()) {
    if (!isOurs(G))
      continue;
    std::string Place = (G.getSection() + " " + (G.hasComdat() ? G.getComdat()->getName() : StringRef())).str();
    Found.push_back({'~', "section", objectName(G) + " in the module", digest(Place)});
    if (auto *Variable = dyn_cast<GlobalVariable>(&G))
      Found.push_back({'~', "tls", objectName(G), uint64_t(Variable->getThreadLocalMode())});
  }
  return Found;
}

// What an intrinsic becomes when it is not expanded in place.
static StringRef libraryName(const Function &Intrinsic) {
  switch (Intrinsic.getIntrinsicID()) {
  case Intrinsic::memcpy:
    return "memcpy";
  case Intrinsic::memmove:
    return "memmove";
  case Intrinsic::memset:
    return "memset";
  default:
    return "";
  }
}

References::References(const Module &M) {
  for (const Function &F : M) {
    if (F.isDeclaration())
      continue;
    SmallVector<const Value *, 32> Left;
    SmallPtrSet<const Value *, 32> Seen;
    for (const Instruction &I : instructions(F))
      Left.append(I.value_op_begin(), I.value_op_end());
    while (!Left.empty()) {
      const Value *One = Left.pop_back_val();
      if (!isa<Constant>(One) || !Seen.insert(One).second)
        continue;
      auto *Global = dyn_cast<GlobalValue>(One);
      auto *Callee = dyn_cast<Function>(One);
      if (Callee && Callee->isIntrinsic())
        add(objectName(F), libraryName(*Callee));
      else if (Global)
        add(objectName(F), objectName(*Global));
      if (!Global || isa<GlobalAlias>(Global)) // an alias is another name
        for (const Use &Operand : cast<User>(One)->operands())
          Left.push_back(Operand.get());
    }
  }
}

std::vector<Fact> References::recursions() const {
  std::vector<Fact> Found;
  for (const auto &Function : From) {
    if (!mayBeLibraryFunction(Function.getKey()))
      continue;
    SmallVector<StringRef, 16> Left = {Function.getKey()};
    StringSet<> Seen;
    while (!Left.empty()) {
      auto Here = From.find(Left.pop_back_val());
      if (Here == From.end())
        continue;
      for (const auto &Next : Here->second)
        if (Seen.insert(Next.getKey()).second)
          Left.push_back(Next.getKey());
    }
    if (Seen.count(Function.getKey()))
      Found.push_back({'<', "recursion", Function.getKey().str(), 1});
  }
  return Found;
}

namespace {
// Reads one object. What LLVM cannot read of it is left out on both sides alike.
class Reader {
  const ObjectFile &Object;
  const Promises &P;
  References *Known;
  std::map<std::pair<uint64_t, uint64_t>, std::string> Functions; // section and address -> name
  std::vector<Fact> Found;
  std::map<std::string, uint64_t> Checks;
  std::map<std::pair<uint64_t, uint64_t>, bool> Protected; // functions that check their stack

  template <typename T> static T valueOr(Expected<T> Maybe, T Otherwise) {
    if (Maybe)
      return std::move(*Maybe);
    consumeError(Maybe.takeError());
    return Otherwise;
  }

  StringRef nameOf(SectionRef S) const { return valueOr(S.getName(), StringRef()); }

  // Functions' own sections are ordinary code.
  std::string placeOf(StringRef Section) const { return isOrdinaryCode(Section) && !P.Sections.count(Section) ? ".text" : Section.str(); }

  void addSection(SectionRef S) {
    StringRef Name = nameOf(S);
    StringRef Contents = S.isBSS() || S.isVirtual() ? StringRef() : valueOr(S.getContents(), StringRef());
    static const StringRef Lists[] = {".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors"};
    if (any_of(Lists, [&](StringRef List) { return compat::startsWith(Name, List); }))
      Found.push_back({'=', "constructors", Name.str(), S.getSize()});
    if (compat::startsWith(Name, ".note") || Name == "target_features")
      Found.push_back({'=', "notes", Name.str(), digest(Contents)});
    if (isa<ELFObjectFileBase>(Object) && S.isText() && S.getSize())
      Found.push_back({'<', "code_section", placeOf(Name), 1});
  }

  void addSymbol(SymbolRef Symbol) {
    uint32_t Flags = valueOr(Symbol.getFlags(), uint32_t(SymbolRef::SF_Undefined));
    if (!isa<ELFObjectFileBase>(Object) || (Flags & (SymbolRef::SF_Undefined | SymbolRef::SF_FormatSpecific)))
      return;
    section_iterator Where = valueOr(Symbol.getSection(), Object.section_end());
    StringRef Name = valueOr(Symbol.getName(), StringRef());
    if (Where == Object.section_end() || Name.empty())
      return;
    if (valueOr(Symbol.getType(), SymbolRef::ST_Unknown) == SymbolRef::ST_Function)
      Functions[{Where->getIndex(), valueOr(Symbol.getValue(), uint64_t(0))}] = Name.str();
    if (!(Flags & SymbolRef::SF_Global))
      return;
    ELFSymbolRef E(Symbol);
    std::string Place = placeOf(nameOf(*Where)) + " " + std::to_string(ELFSectionRef(*Where).getFlags()) + " " +
                        std::to_string(E.getELFType()) + " " + std::to_string(E.getBinding()) + " " + std::to_string(E.getOther() & 3);
    Found.push_back({'~', "section", Name.str(), digest(Place)});
  }

  static bool isFortified(StringRef Name) { return compat::startsWith(Name, "__") && Name.take_back(4) == "_chk"; }

  void addRelocation(SectionRef Code, RelocationRef R) {
    symbol_iterator Symbol = R.getSymbol();
    StringRef Name = Symbol == Object.symbol_end() ? StringRef() : valueOr(Symbol->getName(), StringRef());
    if (Name.empty())
      return;
    auto Of = Functions.upper_bound({Code.getIndex(), R.getOffset()});
    bool Inside = Of != Functions.begin() && std::prev(Of)->first.first == Code.getIndex();
    if (Inside && Known)
      Known->add(std::prev(Of)->second, Name);
    if (isFortified(Name))
      ++Checks[Name.str()];
    if (Name == "__stack_chk_fail" || Name == "__stack_smash_handler")
      Protected[Inside ? std::prev(Of)->first : std::make_pair(Code.getIndex(), R.getOffset())] = true;
    section_iterator Where = valueOr(Symbol->getSection(), Object.section_end());
    if (P.Sections.count(nameOf(Code)) && (Where == Object.section_end() || nameOf(*Where) != nameOf(Code)))
      Found.push_back({'<', "reference", (nameOf(Code) + " " + Name).str(), 1});
  }

public:
  Reader(const ObjectFile &Object, const Promises &P, References *Known) : Object(Object), P(P), Known(Known) {}

  std::vector<Fact> take() {
    for (SectionRef S : Object.sections())
      addSection(S);
    for (SymbolRef Symbol : Object.symbols())
      addSymbol(Symbol);
    for (SectionRef S : Object.sections()) {
      section_iterator Of = valueOr(S.getRelocatedSection(), Object.section_end());
      if (Of != Object.section_end() && Of->isText())
        for (RelocationRef R : S.relocations())
          addRelocation(*Of, R);
    }
    if (auto *Wasm = dyn_cast<WasmObjectFile>(&Object))
      Found.push_back({'=', "constructors", "init functions", Wasm->linkingData().InitFunctions.size()});
    for (auto &Check : Checks)
      Found.push_back({'>', "fortify", Check.first, Check.second});
    Found.push_back({'>', "protector", "functions", Protected.size()});
    return std::move(Found);
  }
};
} // namespace

std::vector<Fact> factsOf(StringRef Bytes, const Promises &P, References *Known) {
  auto Buffer = MemoryBuffer::getMemBuffer(Bytes, "", /*RequiresNullTerminator=*/false);
  auto Object = ObjectFile::createObjectFile(*Buffer);
  if (!Object) {
    consumeError(Object.takeError());
    return {};
  }
  return Reader(**Object, P, Known).take();
}

std::string broken(const std::vector<Fact> &Baseline, const std::vector<Fact> &Candidate) {
  struct Pair {
    const Fact *Oz = nullptr, *Ours = nullptr;
  };
  std::map<std::tuple<char, StringRef, StringRef>, Pair> Pairs;
  for (const Fact &One : Baseline)
    Pairs[{One.Relation, One.Reason, One.What}].Oz = &One;
  for (const Fact &One : Candidate)
    Pairs[{One.Relation, One.Reason, One.What}].Ours = &One;
  for (auto &KeyAndPair : Pairs) {
    char Relation = std::get<0>(KeyAndPair.first);
    const Pair &Both = KeyAndPair.second;
    if ((Relation == '~' || Relation == '^') && !(Both.Oz && Both.Ours))
      continue;
    uint64_t Oz = Both.Oz ? Both.Oz->Value : 0, Ours = Both.Ours ? Both.Ours->Value : 0;
    bool Holds = Relation == '<' ? Ours <= Oz : Relation == '>' || Relation == '^' ? Ours >= Oz : Ours == Oz;
    if (!Holds)
      return std::get<1>(KeyAndPair.first).str();
  }
  return "";
}
