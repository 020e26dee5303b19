/* The part of clang-llm that clang itself loads. It uses no LLVM symbol, so it loads into any clang, and it is linked to no library
 * and asks for no version of a symbol, so it loads with any C library of its architecture. It loads the real plugin only into the
 * clang that the plugin was built for, only from files and directories that nobody but this user or root may write, and only where
 * the limits of this process leave room. Otherwise the compile is plain clang. It removes nothing: after a mismatch it leaves the
 * mark `stale` in the memo, so that the next compile prepares again. docs/plugin.md. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Mirror of llvm::PassPluginLibraryInfo; API version 2 (LLVM 22) appended one callback. */
struct PluginInfo {
  uint32_t APIVersion;
  const char *Name;
  const char *Version;
  void (*Register)(void *PassBuilder);
#if CLANG_LLM_PLUGIN_API >= 2
  void *PreCodeGen;
#endif
};

/* Mirror of the kernel's struct statx, which is the same on all architectures; stat() is no function in older C libraries. */
struct FileTime {
  int64_t Seconds;
  uint32_t Nanoseconds;
  int32_t Unused;
};
struct FileStatus {
  uint32_t Mask, BlockSize;
  uint64_t Attributes;
  uint32_t Links, Owner, Group;
  uint16_t Mode, Unused;
  uint64_t Inode, Bytes, Blocks, AttributesMask;
  struct FileTime Accessed, Born, Changed, Modified;
  uint32_t RealDeviceMajor, RealDeviceMinor, DeviceMajor, DeviceMinor;
  uint64_t Spare[14];
};
enum { BasicStatus = 0x7ff, EmptyPath = 0x1000 };

/* Identity text: an exe line and a handful of lib and src lines, each bounded by a path. */
enum { IdentityBytes = 16 * PATH_MAX, PathBytes = PATH_MAX + 32 };

struct Text {
  char Data[IdentityBytes];
  size_t Used;
};

/* clang makes its PassBuilders one after the other; and the stack may be small. */
static struct Text Running, Recorded;
static char Here[PathBytes], Scratch[PathBytes];

static int statusOf(int Directory, const char *Path, int Flags, struct FileStatus *S) {
  return (int)syscall(SYS_statx, Directory, Path, Flags, BasicStatus, S);
}

static void append(struct Text *T, const char *Word, size_t Length) {
  if (Length >= IdentityBytes - 1 - T->Used)
    Length = 0;
  memcpy(T->Data + T->Used, Word, Length);
  T->Used += Length;
}

/* Hexadecimal, since a division of 64 bits is a library call on some machines. */
static void appendNumber(struct Text *T, uint64_t Value) {
  char Digits[16];
  size_t First = sizeof Digits;
  do
    Digits[--First] = "0123456789abcdef"[Value & 15];
  while (Value >>= 4);
  append(T, Digits + First, sizeof Digits - First);
  append(T, " ", 1);
}

static int appendLine(struct Text *T, const char *Kind, const char *Path) {
  struct FileStatus S;
  if (statusOf(AT_FDCWD, Path, 0, &S) != 0)
    return 0;
  append(T, Kind, 4);
  appendNumber(T, S.Bytes);
  appendNumber(T, (uint64_t)S.Modified.Seconds);
  appendNumber(T, S.Modified.Nanoseconds);
  append(T, Path, strlen(Path));
  append(T, "\n", 1);
  return 1;
}

static int visitLibrary(struct dl_phdr_info *Info, size_t Size, void *Opaque) {
  (void)Size;
  const char *Slash = strrchr(Info->dlpi_name, '/');
  const char *Base = Slash ? Slash + 1 : Info->dlpi_name;
  if (strncmp(Base, "libLLVM", 7) == 0 || strncmp(Base, "libclang-cpp", 12) == 0)
    appendLine(Opaque, "lib ", Info->dlpi_name);
  return 0;
}

static int linkTarget(const char *Link, char *Target) {
  ssize_t Length = readlink(Link, Target, PATH_MAX - 1);
  Target[Length > 0 ? Length : 0] = 0;
  return Length > 0;
}

/* The running clang: its executable and the LLVM libraries it has loaded. */
static void describeProcess(void) {
  Running.Used = 0;
  if (linkTarget("/proc/self/exe", Scratch))
    appendLine(&Running, "exe ", Scratch);
  dl_iterate_phdr(visitLibrary, &Running);
}

/* Nobody else may write it: then what is in it, or what it is named, is this user's doing or root's. */
static int mayBeBelieved(const struct FileStatus *S, unsigned Kind) {
  return (S->Mode & S_IFMT) == Kind && (S->Owner == 0 || S->Owner == geteuid()) && !(S->Mode & (S_IWGRP | S_IWOTH));
}

/* Here is the directory of a build, <root>/plugins/<fingerprint>: all three, and the file Name in it. */
static int isOurs(const char *Name, int Needed) {
  struct FileStatus S;
  int Build = open(Here, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int Safe = Build >= 0;
  if (statusOf(Build, Name, AT_SYMLINK_NOFOLLOW, &S) == 0)
    Safe = Safe && mayBeBelieved(&S, S_IFREG);
  else
    Safe = Safe && !Needed;
  for (const char *const *Up = (const char *const[]){".", "..", "../..", NULL}; *Up && Safe; ++Up)
    Safe = statusOf(Build, *Up, 0, &S) == 0 && mayBeBelieved(&S, S_IFDIR);
  if (Build >= 0)
    close(Build);
  return Safe;
}

static char *inHere(const char *Name) {
  size_t Length = strlen(Here);
  if (Length + strlen(Name) + 2 > PathBytes)
    return NULL;
  memcpy(Scratch, Here, Length);
  Scratch[Length] = '/';
  strcpy(Scratch + Length + 1, Name);
  return Scratch;
}

/* The recorded src lines must be what the disk holds now: each path is looked at again. */
static void appendSources(const char *Line) {
  while (*Line) {
    const char *End = strchr(Line, '\n'), *Path = Line;
    for (int Field = 0; Field < 4 && Path; ++Field) {
      Path = strchr(Path, ' ');
      Path = Path && Path < End ? Path + 1 : NULL;
    }
    if (!End || !Path || End - Path >= PATH_MAX)
      return;
    memcpy(Scratch, Path, (size_t)(End - Path));
    Scratch[End - Path] = 0;
    appendLine(&Running, "src ", Scratch);
    Line = End + 1;
  }
}

/* Whether we are in a linker, which does its LTO with an LLVM in a shared library. */
static int inLinker(void) {
  const char *Slash = linkTarget("/proc/self/exe", Scratch) ? strrchr(Scratch, '/') : NULL;
  return Slash && strstr(Slash, "lld") != NULL;
}

/* Whether the libraries of the linker, of which it must have one, are those of the clang. */
static int sameLibraries(void) {
  int Same = 0;
  for (const char *Line = strchr(Running.Data, '\n'), *End; Line && (End = strchr(Line + 1, '\n')) != NULL; Line = End) {
    size_t Length = (size_t)(End - Line + 1); /* with the ends of the line before and its own */
    if (Length >= PathBytes)
      return 0;
    memcpy(Scratch, Line, Length);
    Scratch[Length] = 0;
    if (!strstr(Recorded.Data, Scratch))
      return 0;
    Same = 1;
  }
  return Same;
}

static int sameIdentity(void) {
  const char *Path = inHere("identity");
  int File = Path ? open(Path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC) : -1;
  if (File < 0)
    return 0;
  ssize_t Length;
  for (Recorded.Used = 0; Recorded.Used < IdentityBytes - 1; Recorded.Used += (size_t)Length)
    if ((Length = read(File, Recorded.Data + Recorded.Used, IdentityBytes - 1 - Recorded.Used)) <= 0)
      break;
  close(File);
  Recorded.Data[Recorded.Used] = 0;
  describeProcess();
  Running.Data[Running.Used] = 0;
  const char *Sources = inLinker() && sameLibraries() ? strstr(Recorded.Data, "\nsrc ") : NULL;
  if (Sources) {
    Running.Used = (size_t)(Sources + 1 - Recorded.Data);
    memcpy(Running.Data, Recorded.Data, Running.Used);
  }
  if (Running.Used == 0 || Recorded.Used < Running.Used || memcmp(Recorded.Data, Running.Data, Running.Used) != 0)
    return 0;
  appendSources(Recorded.Data + Running.Used);
  return Recorded.Used == Running.Used && memcmp(Recorded.Data, Running.Data, Running.Used) == 0;
}

static void writeIdentity(const char *Path) {
  describeProcess();
  int File = open(Path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (File < 0)
    return;
  (void)!write(File, Running.Data, Running.Used);
  close(File);
}

static uint64_t limitOf(int Resource) {
  uint64_t Limit[2];
  return syscall(SYS_prlimit64, 0, Resource, NULL, Limit) == 0 ? Limit[0] : UINT64_MAX;
}

/* Bytes of address space in use. */
static uint64_t mapped(void) {
  char Number[32] = "";
  uint64_t Pages = 0;
  int File = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (File < 0)
    return 0;
  (void)!read(File, Number, sizeof Number - 1);
  close(File);
  for (const char *Digit = Number; *Digit >= '0' && *Digit <= '9'; ++Digit)
    Pages = Pages * 10 + (uint64_t)(*Digit - '0');
  return Pages * (uint64_t)getpagesize();
}

/* Whether the limits of this process are so far away that only a compile which clang could not finish either would meet them: our
 * passes take about as much as clang's own. */
static int haveRoom(void) {
  uint64_t Memory = limitOf(RLIMIT_AS), Data = limitOf(RLIMIT_DATA), Seconds = limitOf(RLIMIT_CPU), Now = mapped();
  struct rusage Usage;
  if (limitOf(RLIMIT_STACK) < ((uint64_t)8 << 20))
    return 0;
  if (Data < Memory)
    Memory = Data;
  if (Memory != UINT64_MAX && Memory < Now + Now / 2 + ((uint64_t)1 << 30))
    return 0;
  if (Seconds == UINT64_MAX)
    return 1;
  uint64_t Used = getrusage(RUSAGE_SELF, &Usage) == 0 ? (uint64_t)Usage.ru_utime.tv_sec + (uint64_t)Usage.ru_stime.tv_sec + 1 : 0;
  return Seconds >= 20 + 20 * Used;
}

static char *inDirectory(const char *Directory, const char *Name) {
  static char Path[PathBytes];
  size_t Length = Directory ? strlen(Directory) : 0;
  if (Length == 0 || Length + strlen(Name) + 2 > PathBytes)
    return NULL;
  memcpy(Path, Directory, Length);
  Path[Length] = '/';
  strcpy(Path + Length + 1, Name);
  return Path;
}

/* Only where the wrapper says that something may be written. */
static void countEvent(const char *Event) {
  struct FileStatus S;
  const char *Memo = getenv("_CLANG_LLM_MEMO"), *Path = inDirectory(getenv("CLANG_LLM_CACHE_DIR"), "events");
  int Flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  int File = Path && Memo && *Memo ? open(Path, Flags, 0666) : -1;
  if (File < 0)
    return;
  uint64_t Limit = limitOf(RLIMIT_FSIZE);
  if (statusOf(File, "", EmptyPath, &S) == 0 && (S.Mode & S_IFMT) == S_IFREG && (Limit == UINT64_MAX || S.Bytes + 4096 <= Limit))
    (void)!write(File, Event, strlen(Event));
  close(File);
}

/* Tells the wrapper that what it found is to be prepared again, unless that has happened meanwhile. */
static void markStale(const struct FileStatus *Self) {
  struct FileStatus S;
  const char *Memo = getenv("_CLANG_LLM_MEMO"), *Path = inDirectory(Memo, "plugin.so");
  if (!Path || statusOf(AT_FDCWD, Path, 0, &S) != 0 || S.Inode != Self->Inode || S.DeviceMajor != Self->DeviceMajor ||
      S.DeviceMinor != Self->DeviceMinor)
    return;
  int File = open(inDirectory(Memo, "stale"), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (File >= 0)
    close(File);
}

static void loadPlugin(void *PassBuilder) {
  const char *Path = inHere("plugin.so");
  void *Library = Path ? dlopen(Path, RTLD_NOW | RTLD_LOCAL) : NULL;
  void (*Register)(void *, const char *) = NULL;
  if (Library)
    *(void **)&Register = dlsym(Library, "clangLlmRegister");
  if (Register)
    Register(PassBuilder, Here);
  else
    countEvent("error:plugin_load\n");
}

/* Sets Here to the directory in which this file really is. False when it has been removed. */
static int findDirectory(const char *Name, struct FileStatus *Self) {
  struct FileStatus S;
  static char Link[] = "/proc/self/fd/0123456789";
  int File = open(Name, O_PATH | O_CLOEXEC), Found = 0;
  if (File < 0)
    return 0;
  char *Digit = Link + sizeof "/proc/self/fd/" - 1;
  unsigned Scale = 1, Number = (unsigned)File;
  while (Number / Scale >= 10)
    Scale *= 10;
  for (; Scale; Scale /= 10)
    *Digit++ = (char)('0' + Number / Scale % 10);
  *Digit = 0;
  if (linkTarget(Link, Here) && statusOf(File, "", EmptyPath, Self) == 0 && statusOf(AT_FDCWD, Here, AT_SYMLINK_NOFOLLOW, &S) == 0)
    Found = S.Inode == Self->Inode && S.DeviceMajor == Self->DeviceMajor && S.DeviceMinor == Self->DeviceMinor;
  close(File);
  if (Found)
    *strrchr(Here, '/') = 0;
  return Found;
}

static int mayLoad(const struct FileStatus *Self) {
  if (!isOurs("stub.so", 1) || !isOurs("plugin.so", 1) || !isOurs("identity", 1) || !isOurs("helper", 0)) {
    countEvent("bypass:untrusted\n");
    markStale(Self);
    return 0;
  }
  /* Who validates sets limits of their own. */
  if (!haveRoom() && !getenv("_CLANG_LLM_APPLY") && !getenv("_CLANG_LLM_EMIT")) {
    countEvent("bypass:limits\n");
    return 0;
  }
  if (sameIdentity())
    return 1;
  /* Prepared meanwhile? Then the mark would only make the next compile prepare in vain, as it would for another linker. */
  if (!inLinker() && !sameIdentity())
    markStale(Self);
  countEvent(inLinker() ? "bypass:other_linker\n" : "bypass:stale\n");
  return 0;
}

static void registerCallbacks(void *PassBuilder) {
  Dl_info Name;
  struct FileStatus Self;
  if (!dladdr((void *)registerCallbacks, &Name) || !Name.dli_fname || !findDirectory(Name.dli_fname, &Self))
    return;
  const char *Output = getenv("_CLANG_LLM_IDENTITY");
  if (Output)
    writeIdentity(Output);
  else if (mayLoad(&Self))
    loadPlugin(PassBuilder);
  else if (getenv("_CLANG_LLM_APPLY") || getenv("_CLANG_LLM_EMIT"))
    _exit(1); /* a list is being validated: without the plugin the compile would say that it is a good one */
}

__attribute__((visibility("default"))) struct PluginInfo llvmGetPassPluginInfo(void) {
  struct PluginInfo Info = {CLANG_LLM_PLUGIN_API, "clang-llm", "1", registerCallbacks
#if CLANG_LLM_PLUGIN_API >= 2
                            ,
                            NULL
#endif
  };
  return Info;
}
