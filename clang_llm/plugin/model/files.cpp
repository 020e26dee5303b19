#include "model/files.h"
#include "recipe.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include <map>

using namespace llvm;

namespace model {

// Bytes of a file: JSON is parsed as a whole; weights are only mapped, but a network that large would take minutes.
static constexpr uint64_t MostJson = 16 << 20, MostWeights = 256 << 20;

// A file of a model. What it says is a stranger's: each value is asked for by its kind, and Why has the first that was missing.
class Reader {
  std::string &Why;

public:
  explicit Reader(std::string &Why) : Why(Why) {}

  bool refuse(const Twine &Reason) {
    if (Why.empty())
      Why = Reason.str();
    return false;
  }

  std::unique_ptr<MemoryBuffer> open(StringRef Path, uint64_t Most) {
    auto File = MemoryBuffer::getFile(Path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!File)
      refuse(Path + ": " + File.getError().message());
    else if ((*File)->getBufferSize() > Most)
      refuse(Path + " is too large");
    return Why.empty() ? std::move(*File) : nullptr;
  }

  bool parse(StringRef Text, StringRef Name, json::Object &Out) {
    if (!isShallow(Text))
      return refuse(Name + " is nested too deeply");
    Expected<json::Value> Parsed = json::parse(Text);
    if (!Parsed) {
      consumeError(Parsed.takeError());
      return refuse(Name + " is no JSON");
    }
    if (json::Object *Object = Parsed->getAsObject())
      Out = std::move(*Object);
    else
      refuse(Name + " holds no object");
    return Why.empty();
  }

  size_t count(const json::Object &From, StringRef Name) {
    auto Value = From.getInteger(Name);
    if (!Value || *Value < 0 || *Value > (1 << 24)) {
      refuse("the model's " + Name + " is no count");
      return 0;
    }
    return size_t(*Value);
  }

  double number(const json::Object &From, StringRef Name) {
    auto Value = From.getNumber(Name);
    if (!Value)
      refuse("the model has no " + Name);
    return Value ? *Value : 0;
  }

  // Anything but what is expected is a network that we do not compute.
  void expect(const json::Object &From, StringRef Name, const json::Value &Expected, bool MayLack = false) {
    const json::Value *Value = From.get(Name);
    if (!Value ? !MayLack : *Value != Expected)
      refuse("the model's " + Name + " is another one than the plugin knows");
  }
};

namespace {
// The tensors of a safetensors file, all of 32-bit floats.
class Tensors {
  struct Entry {
    std::vector<int64_t> Dimensions;
    const float *Data;
  };
  Reader &R;
  std::map<std::string, Entry> Entries;

  bool add(StringRef Name, const json::Object &Described, StringRef Body) {
    auto Type = Described.getString("dtype");
    const json::Array *Dimensions = Described.getArray("shape"), *Offsets = Described.getArray("data_offsets");
    if (!Type || *Type != "F32" || !Dimensions || Dimensions->size() > 4 || !Offsets || Offsets->size() != 2)
      return R.refuse("tensor " + Name + " is none of 32-bit floats");
    Entry E;
    uint64_t Bytes = sizeof(float);
    for (const json::Value &Each : *Dimensions) {
      auto Size = Each.getAsInteger();
      if (!Size || *Size < 1 || *Size > (1 << 24) || (Bytes *= uint64_t(*Size)) > MostWeights)
        return R.refuse("tensor " + Name + " has no such shape");
      E.Dimensions.push_back(*Size);
    }
    auto Begin = (*Offsets)[0].getAsInteger(), End = (*Offsets)[1].getAsInteger();
    if (!Begin || !End || *Begin < 0 || *End < *Begin || uint64_t(*End) > Body.size() || uint64_t(*End - *Begin) != Bytes)
      return R.refuse("tensor " + Name + " is not where the file says");
    const char *Data = Body.data() + *Begin;
    if (uintptr_t(Data) % alignof(float) != 0)
      return R.refuse("tensor " + Name + " is not aligned");
    E.Data = reinterpret_cast<const float *>(Data);
    Entries[Name.str()] = E;
    return true;
  }

public:
  explicit Tensors(Reader &R) : R(R) {}

  bool read(StringRef File, StringRef Name) {
    if (File.size() < 8)
      return R.refuse(Name + " has no header");
    uint64_t Length = support::endian::read64le(File.data());
    if (Length > MostJson || Length > File.size() - 8)
      return R.refuse(Name + " has a header that does not end");
    json::Object Header;
    if (!R.parse(File.substr(8, Length), Name, Header))
      return false;
    for (auto &Each : Header) {
      const json::Object *Described = Each.second.getAsObject();
      if (StringRef(Each.first) != "__metadata__" && (!Described || !add(Each.first, *Described, File.substr(8 + Length))))
        return R.refuse(Name + " describes no tensors");
    }
    return true;
  }

  bool has(const std::string &Name) const { return Entries.count(Name) != 0; }

  const float *take(const std::string &Name, std::vector<int64_t> Dimensions) {
    auto Found = Entries.find(Name);
    if (Found == Entries.end() || Found->second.Dimensions != Dimensions) {
      R.refuse("no tensor " + Name + " of the right shape");
      return nullptr;
    }
    return Found->second.Data;
  }

  // Rows and columns of a matrix.
  std::pair<size_t, size_t> size(const std::string &Name) {
    auto Found = Entries.find(Name);
    if (Found == Entries.end() || Found->second.Dimensions.size() != 2) {
      R.refuse("no matrix " + Name);
      return {0, 0};
    }
    return {size_t(Found->second.Dimensions[0]), size_t(Found->second.Dimensions[1])};
  }
};
} // namespace

static bool readShape(Reader &R, const json::Object &Config, Shape &S, bool &Tied) {
  R.expect(Config, "model_type", "llama");
  R.expect(Config, "hidden_act", "silu");
  R.expect(Config, "attention_bias", false, /*MayLack=*/true);
  R.expect(Config, "mlp_bias", false, /*MayLack=*/true);
  S.Vocabulary = R.count(Config, "vocab_size");
  S.Width = R.count(Config, "hidden_size");
  S.Inner = R.count(Config, "intermediate_size");
  S.Layers = R.count(Config, "num_hidden_layers");
  S.Heads = R.count(Config, "num_attention_heads");
  S.Longest = R.count(Config, "max_position_embeddings");
  R.expect(Config, "num_key_value_heads", int64_t(S.Heads), /*MayLack=*/true);
  if (S.Heads != 0)
    R.expect(Config, "head_dim", int64_t(S.Width / S.Heads), /*MayLack=*/true);
  S.Epsilon = float(R.number(Config, "rms_norm_eps"));
  // Its place has changed with the versions of transformers.
  const json::Object *Positions = Config.getObject("rope_parameters");
  if (Positions)
    R.expect(*Positions, "rope_type", "default", /*MayLack=*/true);
  R.expect(Config, "rope_scaling", nullptr, /*MayLack=*/true);
  S.Theta = R.number(Positions ? *Positions : Config, "rope_theta");
  auto Same = Config.getBoolean("tie_word_embeddings");
  Tied = Same && *Same;
  if (const char *Problem = unfit(S))
    return R.refuse(Problem);
  return S.Vocabulary >= 8 && S.Longest >= 16 ? true : R.refuse("the network is too small");
}

static void takeWeights(Tensors &T, const Shape &S, bool Tied, Weights &Out) {
  int64_t Width = int64_t(S.Width), Inner = int64_t(S.Inner), Words = int64_t(S.Vocabulary);
  Out.Embedding = T.take("model.embed_tokens.weight", {Words, Width});
  Out.Head = Tied ? Out.Embedding : T.take("lm_head.weight", {Words, Width});
  Out.Norm = T.take("model.norm.weight", {Width});
  for (size_t I = 0; I < S.Layers; ++I) {
    auto Take = [&](const char *Name, std::vector<int64_t> Dimensions) {
      return T.take("model.layers." + std::to_string(I) + "." + Name + ".weight", std::move(Dimensions));
    };
    Layer L;
    L.Before = Take("input_layernorm", {Width});
    L.Query = Take("self_attn.q_proj", {Width, Width});
    L.Key = Take("self_attn.k_proj", {Width, Width});
    L.Value = Take("self_attn.v_proj", {Width, Width});
    L.Output = Take("self_attn.o_proj", {Width, Width});
    L.After = Take("post_attention_layernorm", {Width});
    L.Gate = Take("mlp.gate_proj", {Inner, Width});
    L.Up = Take("mlp.up_proj", {Inner, Width});
    L.Down = Take("mlp.down_proj", {Width, Inner});
    Out.Layers.push_back(L);
  }
}

static bool readVocabulary(Reader &R, const json::Object &File, size_t Words, Vocabulary &Out) {
  for (const char *Name : {"normalizer", "post_processor", "truncation", "padding"})
    R.expect(File, Name, nullptr, /*MayLack=*/true);
  const json::Object *Split = File.getObject("pre_tokenizer"), *Encoding = File.getObject("model");
  if (!Split || !Encoding)
    return R.refuse("the tokenizer has no parts");
  R.expect(*Split, "type", "Split");
  R.expect(*Split, "pattern", json::Object{{"Regex", "\n"}});
  R.expect(*Split, "behavior", "MergedWithPrevious");
  R.expect(*Split, "invert", false);
  R.expect(*Encoding, "type", "BPE");
  for (const char *Name : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"})
    R.expect(*Encoding, Name, nullptr, /*MayLack=*/true);
  for (const char *Name : {"byte_fallback", "ignore_merges"})
    R.expect(*Encoding, Name, false, /*MayLack=*/true);
  const json::Object *Texts = Encoding->getObject("vocab");
  const json::Array *Merges = Encoding->getArray("merges");
  if (!Texts || !Merges)
    return R.refuse("the tokenizer has no vocabulary");
  for (auto &Each : *Texts) {
    auto Number = Each.second.getAsInteger();
    if (!Number || *Number < 0 || uint64_t(*Number) >= Words)
      return R.refuse("the tokenizer has a token that the network does not know");
    Out.Texts.push_back({StringRef(Each.first).str(), uint32_t(*Number)});
  }
  for (const json::Value &Each : *Merges) {
    const json::Array *Pair = Each.getAsArray();
    if (!Pair || Pair->size() != 2 || !(*Pair)[0].getAsString() || !(*Pair)[1].getAsString())
      return R.refuse("the tokenizer has a merge of something else than two texts");
    Out.Merges.push_back({(*Pair)[0].getAsString()->str(), (*Pair)[1].getAsString()->str()});
  }
  return true;
}

bool readModel(StringRef Directory, Files &Kept, Model &Out, std::string &Why) {
  Reader R(Why);
  if (sys::IsBigEndianHost)
    return R.refuse("the weights are for little-endian machines");
  std::string Place = Directory.str();
  auto Config = R.open(Place + "/config.json", MostJson), Words = R.open(Place + "/tokenizer.json", MostJson);
  Kept.Weights = R.open(Place + "/model.safetensors", MostWeights);
  Kept.Profiles = R.open(Place + "/profiles.safetensors", MostWeights);
  if (!Why.empty())
    return false;
  json::Object Shaped, Tokens;
  bool Tied;
  if (!R.parse(Config->getBuffer(), "config.json", Shaped) || !readShape(R, Shaped, Out.S, Tied) ||
      !R.parse(Words->getBuffer(), "tokenizer.json", Tokens))
    return false;
  Tensors Weighed(R), Profiled(R);
  if (!Weighed.read(Kept.Weights->getBuffer(), "model.safetensors") || !Profiled.read(Kept.Profiles->getBuffer(), "profiles.safetensors"))
    return false;
  takeWeights(Weighed, Out.S, Tied, Out.W);
  std::tie(Out.P.Count, Out.P.Recipes) = Profiled.size("excess");
  Out.P.Excess = Profiled.take("excess", {int64_t(Out.P.Count), int64_t(Out.P.Recipes)});
  Vocabulary V;
  return Why.empty() && readVocabulary(R, Tokens, Out.S.Vocabulary, V) && Out.T.read(V, Why) && Why.empty();
}

} // namespace model
