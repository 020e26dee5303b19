#include "entry.h"
#include "compat.h"
#include "generated.h"
#include "vetted.h"
#include "llvm/ADT/StringExtras.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

static constexpr size_t MaxEntryBytes = 512 * 1024; // plan.MAX_BYTES

static bool sound(StringRef Body, StringRef Checksum) {
  auto Bytes = ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(Body.data()), Body.size());
  return toHex(SHA256::hash(Bytes), /*LowerCase=*/true) == Checksum;
}

// Four numbers that make up a size.
static bool readParts(const json::Array *Numbers, uint64_t Size, Parts &Out) {
  if (!Numbers || Numbers->size() != Out.size())
    return false;
  for (size_t I = 0; I < Out.size(); ++I) {
    auto Number = (*Numbers)[I].getAsInteger();
    if (!Number || *Number < 0 || uint64_t(*Number) > Size)
      return false;
    Out[I] = uint64_t(*Number);
    Size -= Out[I];
  }
  return Size == 0;
}

// False when the sizes are none, or contradict each other.
static bool readSizes(const json::Object &Text, Entry &E) {
  auto Oz = Text.getInteger("size_oz"), Ours = Text.getInteger("size");
  if (!Oz || !Ours || *Ours < 0 || (E.OzIsBest ? *Ours != *Oz : *Ours >= *Oz))
    return false;
  E.What.Known = true;
  E.What.Oz = uint64_t(*Oz);
  E.What.Ours = uint64_t(*Ours);
  const json::Value *Divided = Text.get("parts"); // entries of before have none
  if (!Divided)
    return true;
  const json::Object *Both = Divided->getAsObject();
  E.What.Divided = Both && Both->size() == 2 && readParts(Both->getArray("oz"), E.What.Oz, E.What.OzBytes) &&
                   readParts(Both->getArray("ours"), E.What.Ours, E.What.OurBytes) &&
                   (!E.OzIsBest || E.What.OzBytes == E.What.OurBytes);
  return E.What.Divided;
}

// As clang_llm/plans/plan.py: Plan.by.
static std::string proposer(const json::Object &Text) {
  const json::Object Nothing, *Found = Text.getObject("provenance"), &Provenance = Found ? *Found : Nothing;
  auto Backend = Provenance.getString("backend"), Origin = Provenance.getString("origin");
  return (Backend ? *Backend : StringRef("-")).str() + (Origin ? ("/" + *Origin).str() : "");
}

// Fills E from the entry's JSON. False when it is not one of ours for Key.
static bool interpret(json::Object &Text, StringRef Key, Entry &E) {
  auto Stored = Text.getString("key");
  auto Budget = Text.getInteger("budget");
  const json::Value *Module = Text.get("module");
  const json::Array *Functions = Text.getArray("functions");
  if (!Stored || *Stored != Key || !Budget || *Budget < 0 || !Module || !Functions)
    return false;
  E.Budget = unsigned(*Budget);
  E.OzIsBest = bool(Module->getAsNull());
  if (!readSizes(Text, E))
    return false;
  E.What.By = proposer(Text);
  return E.OzIsBest || (readRecipe(Text, E.How) && inVocabulary(E.How));
}

static Entry decode(const Settings &S, StringRef Data, StringRef Key) {
  Entry E;
  E.State = Entry::Corrupt;
  auto HeaderAndBody = Data.split('\n');
  SmallVector<StringRef, 4> Header;
  HeaderAndBody.first.split(Header, ' ');
  if (Header.size() < 3 || Header.size() > 4 || Header[0] != "clang-llm-plan")
    return E;
  if (Header[1] != std::to_string(CLANG_LLM_FORMAT)) {
    E.State = Entry::Missing; // a format we do not know is somebody else's, not damage
    return E;
  }
  if (!sound(HeaderAndBody.second, Header[2]) || !isShallow(HeaderAndBody.second))
    return E;
  Expected<json::Value> Parsed = json::parse(HeaderAndBody.second.trim());
  if (!Parsed) {
    consumeError(Parsed.takeError());
    return E;
  }
  json::Object *Text = Parsed->getAsObject();
  if (Text && interpret(*Text, Key, E)) {
    E.Checksum = Header[2].str();
    E.Sealed = Header.size() == 4 && isSealed(S, Header[2], Header[3]);
    E.State = E.OzIsBest || isVetted(S, E.How) ? Entry::Usable : Entry::Unvetted;
    E.Text = std::move(*Text);
  }
  return E;
}

Entry lookUp(const Settings &S, StringRef Key) {
  std::string Path = S.CacheDirectory + "/plans/" + Key.take_front(2).str() + "/" + Key.drop_front(2).str();
  // Whatever else lies there (a FIFO, a link to a device, a file without end) is a miss, and is not waited for.
  int File = openRegular(Path, O_RDONLY);
  if (File < 0)
    return Entry();
  Entry E = decode(S, readBounded(File, MaxEntryBytes), Key);
  if (E.State == Entry::Usable && !S.ReadOnly && !S.explaining())
    futimens(File, nullptr); // eviction is by last use
  close(File);
  return E;
}
