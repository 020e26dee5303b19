#include "entry.h"
#include "compat.h"
#include "generated.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <fcntl.h>
#include <sys/stat.h>

using namespace llvm;

static bool sound(StringRef Body, StringRef Checksum) {
  auto Bytes = ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(Body.data()), Body.size());
  return toHex(SHA256::hash(Bytes), /*LowerCase=*/true) == Checksum;
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
  return E.OzIsBest || (readRecipe(Text, E.How) && inVocabulary(E.How));
}

static Entry decode(StringRef Data, StringRef Key) {
  Entry E;
  E.State = Entry::Corrupt;
  auto HeaderAndBody = Data.split('\n');
  SmallVector<StringRef, 3> Header;
  HeaderAndBody.first.split(Header, ' ');
  if (Header.size() != 3 || Header[0] != "clang-llm-plan")
    return E;
  if (Header[1] != std::to_string(CLANG_LLM_FORMAT)) {
    E.State = Entry::Missing; // a format we do not know is somebody else's, not damage
    return E;
  }
  if (!sound(HeaderAndBody.second, Header[2]))
    return E;
  Expected<json::Value> Parsed = json::parse(HeaderAndBody.second.trim());
  if (!Parsed) {
    consumeError(Parsed.takeError());
    return E;
  }
  json::Object *Text = Parsed->getAsObject();
  if (Text && interpret(*Text, Key, E)) {
    E.State = Entry::Usable;
    E.Text = std::move(*Text);
  }
  return E;
}

Entry lookUp(const Settings &S, StringRef Key) {
  std::string Path = S.CacheDirectory + "/plans/" + Key.take_front(2).str() + "/" + Key.drop_front(2).str();
  auto Buffer = MemoryBuffer::getFile(Path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return Entry();
  Entry E = decode((*Buffer)->getBuffer(), Key);
  if (E.State == Entry::Usable && !S.ReadOnly && !S.explaining())
    utimensat(AT_FDCWD, Path.c_str(), nullptr, 0); // eviction is by last use
  return E;
}
