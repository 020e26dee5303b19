#include "vetted.h"
#include "compat.h"
#include "generated.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

static constexpr size_t MaxBytes = 4 << 20; // as clang_llm/plans/store/vouched.py reads
static constexpr size_t KeyBytes = 64;      // as clang_llm/plans/store/seal.py writes

static ArrayRef<uint8_t> bytes(StringRef Text) { return ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(Text.data()), Text.size()); }

// As clang_llm/plans/vetted.py: half a SHA-256 of kind and text.
static std::string digestOf(StringRef Kind, StringRef Text) {
  return toHex(SHA256::hash(bytes((Kind + " " + Text).str())), /*LowerCase=*/true).substr(0, 32);
}

static bool isShipped(StringRef Digest) {
  const auto *End = std::end(Vetted) - 1;
  const auto *Found = std::lower_bound(std::begin(Vetted), End, Digest, [](const char *One, StringRef D) { return StringRef(One) < D; });
  return Found != End && Digest == *Found;
}

static bool isOwn(const struct stat &What, mode_t Kind) {
  bool Mine = What.st_uid == geteuid() || What.st_uid == 0;
  return Mine && (What.st_mode & S_IFMT) == Kind && !(What.st_mode & (S_IWGRP | S_IWOTH));
}

// This user's own verdicts; nothing where somebody else might have written them.
static StringSet<> vouched(const Settings &S) {
  StringSet<> Found;
  std::string Directory = S.CacheDirectory + "/vetted", Path = Directory + "/llvm-" + std::to_string(LLVM_VERSION_MAJOR);
  struct stat Status;
  for (const std::string &Place : {S.CacheDirectory, Directory})
    if (stat(Place.c_str(), &Status) != 0 || !isOwn(Status, S_IFDIR))
      return Found;
  int File = openRegular(Path, O_RDONLY | O_NOFOLLOW);
  if (File < 0)
    return Found;
  if (fstat(File, &Status) == 0 && isOwn(Status, S_IFREG) && size_t(Status.st_size) <= MaxBytes) {
    std::string Text = readBounded(File, MaxBytes);
    SmallVector<StringRef, 64> Lines;
    StringRef(Text).split(Lines, '\n');
    for (StringRef Line : Lines)
      Found.insert(Line);
  }
  close(File);
  return Found;
}

// HMAC-SHA256 (RFC 2104) for keys of one block at most.
static std::string hmac(StringRef Key, StringRef Text) {
  std::string Inner(64, 0x36), Outer(64, 0x5c);
  for (size_t I = 0; I < Key.size() && I < 64; ++I) {
    Inner[I] ^= Key[I];
    Outer[I] ^= Key[I];
  }
  auto First = SHA256::hash(bytes(Inner + Text.str()));
  Outer.append(First.begin(), First.end());
  return toHex(SHA256::hash(bytes(Outer)), /*LowerCase=*/true);
}

bool isSealed(const Settings &S, StringRef Checksum, StringRef Seal) {
  int File = Seal.empty() ? -1 : openRegular(S.CacheDirectory + "/seal-" + std::to_string(geteuid()), O_RDONLY | O_NOFOLLOW);
  if (File < 0)
    return false;
  struct stat Status;
  bool Private = fstat(File, &Status) == 0 && Status.st_uid == geteuid() && !(Status.st_mode & 077);
  std::string Key = readBounded(File, KeyBytes);
  close(File);
  return Private && Key.size() == KeyBytes && hmac(Key, Checksum) == Seal;
}

bool isVetted(const Settings &S, const Recipe &R) {
  std::vector<std::string> Missing;
  auto Look = [&](StringRef Kind, StringRef Text) {
    std::string Digest = digestOf(Kind, Text);
    if (!isShipped(Digest))
      Missing.push_back(std::move(Digest));
  };
  Look(R.staged() ? "head" : "list", R.Module);
  for (const std::string &Function : R.Functions)
    Look("function", Function);
  if (R.staged())
    Look("closing", R.Closing);
  if (Missing.empty())
    return true;
  StringSet<> Own = vouched(S);
  return all_of(Missing, [&](const std::string &Digest) { return Own.count(Digest) > 0; });
}
