// The Python side of a cache miss: one process, asked over a socket pair (docs/protocol.md).
#pragma once

#include "settings.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <sys/types.h>

class Helper {
  int Socket = -1;
  pid_t Process = -1;
  std::string Unread;
  unsigned Seconds; // patience with one answer

public:
  // Starts the helper named by the file "helper" in Directory.
  Helper(llvm::StringRef Directory, const Settings &S);
  ~Helper();
  Helper(const Helper &) = delete;
  Helper &operator=(const Helper &) = delete;

  bool send(llvm::json::Object Message);
  bool send(llvm::StringRef Bytes);
  // The next message, or an object with only "error": why there is none.
  llvm::json::Object receive();
};
