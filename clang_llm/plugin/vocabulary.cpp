#include "vocabulary.h"
#include "compat.h"
#include "generated.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cstring>

using namespace llvm;

static bool isAdaptor(StringRef Name) {
  static const StringRef Adaptors[] = {"module", "cgscc", "function", "loop", "loop-mssa"};
  return is_contained(Adaptors, Name);
}

// Token as the vocabulary spells it: a run of digits is '#'.
static std::string spelling(StringRef Token) {
  size_t Equals = Token.find('=');
  if (Equals == StringRef::npos)
    return Token.str();
  StringRef Value = Token.substr(Equals + 1);
  bool IsNumber = !Value.empty() && Value.size() <= 6 && Value.find_first_not_of("0123456789") == StringRef::npos;
  return IsNumber ? (Token.substr(0, Equals + 1) + "#").str() : Token.str();
}

static const VocabularyEntry *entryOf(StringRef Name) {
  const auto *End = std::end(Vocabulary);
  const auto *Entry =
      std::lower_bound(std::begin(Vocabulary), End, Name, [](const VocabularyEntry &E, StringRef N) { return StringRef(E.Name) < N; });
  return Entry != End && Name == Entry->Name ? Entry : nullptr;
}

static SmallVector<StringRef, 8> tokens(StringRef Text) {
  SmallVector<StringRef, 8> Found;
  Text.split(Found, ';', -1, /*KeepEmpty=*/false);
  return Found;
}

// A loop pass may stand where MemorySSA is, too; one that needs it aborts the compile where it is not.
static bool fits(StringRef Kind, StringRef Adaptor) { return Kind == Adaptor || (Kind == "loop" && Adaptor == "loop-mssa"); }

static bool allows(StringRef Name, StringRef Parameters, StringRef Adaptor) {
  const VocabularyEntry *Entry = entryOf(Name);
  if (!Entry || !fits(Entry->Kind, Adaptor))
    return false;
  auto Given = tokens(Parameters), Known = tokens(Entry->Parameters), Required = tokens(Entry->Required);
  if (Name == "codegen" && Given.empty())
    return false; // it would say nothing
  return all_of(Required, [&](StringRef Token) { return is_contained(Given, Token); }) && all_of(Given, [&](StringRef Token) {
           std::string Spelled = spelling(Token);
           return any_of(Known, [&](StringRef K) { return K == Spelled; });
         });
}

// What may stand directly in an adaptor, by the names of adaptors.
static bool nests(StringRef Inner, StringRef Outer) {
  if (Inner == Outer)
    return true;
  if (Inner == "cgscc" || Inner == "function")
    return Outer == "module" || (Outer == "cgscc" && Inner == "function");
  return (Inner == "loop" || Inner == "loop-mssa") && Outer == "function";
}

// Pipeline from Text's start to the parenthesis that closes it, or to its end.
static bool checkElements(StringRef &Text, StringRef Adaptor, unsigned Depth) {
  if (Depth > 8) // deepest legal nesting is module(cgscc(function(loop(…))))
    return false;
  while (true) {
    size_t End = Text.find_first_of(",()<");
    StringRef Name = Text.substr(0, End), Parameters;
    Text = End == StringRef::npos ? "" : Text.substr(End);
    if (Text.consume_front("<")) {
      size_t Close = Text.find('>');
      if (Close == StringRef::npos)
        return false;
      Parameters = Text.substr(0, Close);
      Text = Text.substr(Close + 1);
    }
    if (Text.consume_front("(")) {
      if (!isAdaptor(Name) || !nests(Name, Adaptor) || !Parameters.empty() || !checkElements(Text, Name, Depth + 1) ||
          !Text.consume_front(")"))
        return false;
    } else if (!allows(Name, Parameters, Adaptor)) {
      return false;
    }
    if (!Text.consume_front(","))
      return true;
  }
}

bool inVocabulary(StringRef Pipeline, StringRef Adaptor) {
  // The longest published lists have some hundred passes; this bounds what a poisoned entry can cost.
  if (Pipeline.empty() || Pipeline.size() > 16384)
    return false;
  return checkElements(Pipeline, Adaptor, 0) && Pipeline.empty();
}
