// A model's directory: what is in it is read, checked, and refused with a reason when it does not fit. Weights stay in the mapped files.
#pragma once

#include "model/answers.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace model {

struct Files {
  std::unique_ptr<llvm::MemoryBuffer> Weights, Profiles;
};

// Reads config.json, tokenizer.json, model.safetensors and profiles.safetensors. Out points into Kept. False with the reason in Why.
bool readModel(llvm::StringRef Directory, Files &Kept, Model &Out, std::string &Why);

} // namespace model
