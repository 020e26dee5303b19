# CMake toolchain file: compile with clang-llm, and at -Oz in the build type MinSizeRel.
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=$(clang-llm-tool path cmake) -DCMAKE_BUILD_TYPE=MinSizeRel ...
#
# -DCMAKE_C_COMPILER=clang-16 -DCMAKE_CXX_COMPILER=clang++-16   another clang than the newest on PATH
# -DCLANG_LLM_CHAINLOAD=<file>                                  on top of another toolchain file, for a cross compiler
#
# Where a compiler is named, by the chained file or on the command line, clang-llm becomes its launcher; that needs the
# Ninja or a Makefile generator. Otherwise clang-llm is the compiler itself.

if(CLANG_LLM_CHAINLOAD)
  include("${CLANG_LLM_CHAINLOAD}")
  # CMake reads this file again for each of its trial projects, which see only the variables that are listed.
  list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CLANG_LLM_CHAINLOAD)
endif()

# Beside this file in a checkout; in bin, where this is in share/clang-llm, once installed.
get_filename_component(clang_llm_bin "${CMAKE_CURRENT_LIST_DIR}" ABSOLUTE)
if(NOT EXISTS "${clang_llm_bin}/clang-llm")
  get_filename_component(clang_llm_bin "${CMAKE_CURRENT_LIST_DIR}/../../bin" ABSOLUTE)
endif()

foreach(clang_llm_language IN ITEMS C CXX)
  set(clang_llm_wrapper "${clang_llm_bin}/clang-llm")
  if(clang_llm_language STREQUAL "CXX")
    string(APPEND clang_llm_wrapper "++")
  endif()

  if(NOT CMAKE_${clang_llm_language}_COMPILER OR CMAKE_${clang_llm_language}_COMPILER STREQUAL clang_llm_wrapper)
    set(CMAKE_${clang_llm_language}_COMPILER "${clang_llm_wrapper}")
  else()
    set(CMAKE_${clang_llm_language}_COMPILER_LAUNCHER "${clang_llm_wrapper}")
  endif()

  # CMake's own choice is -Os. The _INIT variable cannot change that: CMake appends to it, and the last -O counts.
  set(CMAKE_${clang_llm_language}_FLAGS_MINSIZEREL "-Oz -DNDEBUG" CACHE STRING "Flags of the build type MinSizeRel")
endforeach()
unset(clang_llm_language)
unset(clang_llm_wrapper)
unset(clang_llm_bin)
