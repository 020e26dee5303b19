// Settings of one compile, from the environment and the config file (docs/settings.md), and the event and log
// files. Nothing here ever fails the compile: what cannot be read has its default, what cannot be written is dropped.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <sys/types.h>

struct Settings {
  std::string CacheDirectory; // empty: no cache, so nothing is done
  std::string LogFile;
  std::string Remote; // the team's stores; empty: none
  std::string ExplainFile;
  std::string ApplyPipeline;
  std::string Plans; // files of committed plans, with colons between them
  std::string EmitDirectory; // of the differential tests
  unsigned Budget = 0; // candidate compilations beside -Oz
  unsigned Jobs = 0;   // children at once; 0: what idle processors or make's job slots allow
  unsigned MinInstructions = 0; // modules with fewer are not searched, nor are test programs of configure scripts; 0: all are
  unsigned HelperSeconds = 60;    // patience with one answer of the helper
  int HelperDescriptor = -1;      // socket to whoever is our helper already (tuning); -1: start one
  unsigned ChildSeconds = 0;      // processor time of one measurement; 0: by what -Oz took
  bool AtOz = true, AtOs = false; // the levels whose modules are ours
  bool Apply = false;
  bool Disabled = false;
  bool Recache = false;
  bool ReadOnly = false;
  bool Frozen = false; // plans that are there are applied, and nothing is searched

  static Settings load();
  bool explaining() const { return !ExplainFile.empty(); }
};

std::string configFile(); // which need not exist
// Opens a regular file and nothing else, without ever waiting for it; -1 when it is something else or not there.
int openRegular(const std::string &Path, int Flags, mode_t Mode = 0666);
// What is in a file, up to Most bytes.
std::string readBounded(int File, size_t Most);

// The name of this start of the kernel: one cache may serve several machines. "unknown" where nobody tells.
std::string bootName();

// Appends one line and closes File; drops the line where that would end clang or make it wait.
void append(int File, llvm::StringRef Text);
// Counts Event (docs/cache-directory.md).
void appendEvent(const Settings &S, llvm::StringRef Event);
// Appends one line to the user's log file, if there is one.
void appendLog(const Settings &S, llvm::StringRef Line);
// Tells `clang-llm-tool explain`, if it asked.
void explain(const Settings &S, llvm::json::Object Line);
