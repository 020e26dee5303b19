// For the differential tests (docs/differential.md): many objects out of one clang.
#pragma once

#include "pipeline.h"
#include "settings.h"

// Measures the recipes of <S.EmitDirectory>/recipes (a JSON recipe a line) as a search does. The object of recipe n is left in
// <n>.o, what it came to in `results`. The module stays as it is. False, with a diagnostic, when that cannot be done.
bool emitObjects(Compile &C, const Settings &S);
