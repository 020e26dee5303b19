/* The part of clang-llm that clang itself loads. It uses no LLVM symbol, so it loads into any clang, and it loads the real
 * plugin only into the clang that the plugin was built for. A mismatch removes the memo (the symbolic link through which
 * this file was found), so that the next compile prepares again, and leaves the compile alone. docs/architecture.md, section 6. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Identity text: an exe line and a handful of lib and src lines, each bounded by a path. */
enum { IdentityBytes = 16 * PATH_MAX };

struct Text {
  char *Data;
  size_t Used;
};

static int identityLine(char *Out, size_t Room, const char *Kind, const char *Path) {
  struct stat S;
  if (stat(Path, &S) != 0)
    return -1;
  long long Nanoseconds = (long long)S.st_mtim.tv_sec * 1000000000LL + S.st_mtim.tv_nsec;
  int Length = snprintf(Out, Room, "%s %lld %lld %s\n", Kind, (long long)S.st_size, Nanoseconds, Path);
  return Length > 0 && (size_t)Length < Room ? Length : -1;
}

static void appendLine(struct Text *T, const char *Kind, const char *Path) {
  int Length = identityLine(T->Data + T->Used, IdentityBytes - T->Used, Kind, Path);
  if (Length > 0)
    T->Used += (size_t)Length;
}

static int visitLibrary(struct dl_phdr_info *Info, size_t Size, void *Opaque) {
  (void)Size;
  const char *Slash = strrchr(Info->dlpi_name, '/');
  const char *Base = Slash ? Slash + 1 : Info->dlpi_name;
  if (strncmp(Base, "libLLVM", 7) == 0 || strncmp(Base, "libclang-cpp", 12) == 0)
    appendLine(Opaque, "lib", Info->dlpi_name);
  return 0;
}

/* The running clang: its executable and the LLVM libraries it has loaded. */
static void describeProcess(struct Text *T) {
  char Path[PATH_MAX];
  ssize_t Length = readlink("/proc/self/exe", Path, sizeof Path - 1);
  if (Length > 0) {
    Path[Length] = 0;
    appendLine(T, "exe", Path);
  }
  dl_iterate_phdr(visitLibrary, T);
}

static size_t readFile(const char *Path, char *Buffer, size_t Room) {
  int File = open(Path, O_RDONLY | O_CLOEXEC);
  if (File < 0)
    return 0;
  ssize_t Length = read(File, Buffer, Room - 1);
  close(File);
  Buffer[Length > 0 ? Length : 0] = 0;
  return Length > 0 ? (size_t)Length : 0;
}

/* The recorded src lines must be what the disk holds now. */
static int sourcesUnchanged(const char *Line) {
  char Now[PATH_MAX + 64];
  while (*Line) {
    const char *End = strchr(Line, '\n');
    if (!End)
      return 0;
    char Path[PATH_MAX];
    if (sscanf(Line, "src %*d %*d %4095[^\n]", Path) != 1)
      return 0;
    int Length = identityLine(Now, sizeof Now, "src", Path);
    if (Length != End + 1 - Line || memcmp(Now, Line, (size_t)Length) != 0)
      return 0;
    Line = End + 1;
  }
  return 1;
}

static int sameIdentity(const char *Directory, char *Recorded, struct Text *Running) {
  char Path[PATH_MAX + 16];
  snprintf(Path, sizeof Path, "%s/identity", Directory);
  size_t Length = readFile(Path, Recorded, IdentityBytes);
  return Running->Used > 0 && Length >= Running->Used && memcmp(Recorded, Running->Data, Running->Used) == 0 &&
         sourcesUnchanged(Recorded + Running->Used);
}

static void writeIdentity(const char *Path, const struct Text *Running) {
  FILE *File = fopen(Path, "we");
  if (!File)
    return;
  fwrite(Running->Data, 1, Running->Used, File);
  fclose(File);
}

static void countError(void) {
  static const char Event[] = "error:plugin_load\n";
  const char *Cache = getenv("CLANG_LLM_CACHE_DIR");
  char Path[PATH_MAX];
  if (!Cache || snprintf(Path, sizeof Path, "%s/events", Cache) >= (int)sizeof Path)
    return;
  int File = open(Path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (File >= 0) {
    ssize_t Ignored = write(File, Event, sizeof Event - 1);
    (void)Ignored;
    close(File);
  }
}

static void loadPlugin(const char *Directory, void *PassBuilder) {
  char Path[PATH_MAX + 16];
  snprintf(Path, sizeof Path, "%s/plugin.so", Directory);
  void *Library = dlopen(Path, RTLD_NOW | RTLD_LOCAL);
  void (*Register)(void *, const char *) = NULL;
  if (Library)
    *(void **)&Register = dlsym(Library, "clangLlmRegister");
  if (Register)
    Register(PassBuilder, Directory);
  else
    countError();
}

/* Only ever the link that `prepare` made, never a file that somebody named on a command line. */
static void removeMemo(const char *Path) {
  struct stat S;
  if (lstat(Path, &S) == 0 && S_ISLNK(S.st_mode))
    unlink(Path);
}

static void registerCallbacks(void *PassBuilder) {
  Dl_info Self;
  char Directory[PATH_MAX];
  if (!dladdr((void *)registerCallbacks, &Self) || !Self.dli_fname || !realpath(Self.dli_fname, Directory))
    return;
  *strrchr(Directory, '/') = 0;
  struct Text Running = {malloc(IdentityBytes), 0};
  char *Recorded = malloc(IdentityBytes);
  if (Running.Data && Recorded) {
    describeProcess(&Running);
    const char *Output = getenv("_CLANG_LLM_IDENTITY");
    if (Output)
      writeIdentity(Output, &Running);
    else if (sameIdentity(Directory, Recorded, &Running))
      loadPlugin(Directory, PassBuilder);
    else
      removeMemo(Self.dli_fname);
  }
  free(Running.Data);
  free(Recorded);
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
