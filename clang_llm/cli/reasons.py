"""What the words of the counters mean (docs/cache-directory.md, docs/plugin.md), in a sentence for people."""

from __future__ import annotations

#: The cache has no place.
NO_HOME = "no_home"

_MEANINGS = {
    # the wrapper's
    "disabled": "switched off by CLANG_LLM_DISABLE",
    "link": "nothing is compiled, only linked",
    "preprocess": "only preprocessed",
    "assembly": "the output is assembly, or the input is",
    "query": "a question to clang, no compile",
    "not_oz": "the optimisation level is not -Oz",
    "level_os": "the optimisation level is -Os; CLANG_LLM_LEVELS=Oz,Os would take it on",
    "lto": "with LTO the object holds bitcode; for its link see CLANG_LLM_LTO",
    "emit_llvm": "the output is LLVM's own format",
    "syntax_only": "no object is written",
    "records_command": "the command line is recorded in a file, so it must not change",
    "save_temps": "the intermediate files must be clang's own",
    "override_options": "CCC_OVERRIDE_OPTIONS edits the command line",
    "no_plugin": "there is no plugin for this clang; see clang-llm-tool doctor",
    "untrusted": "there is no safe place for the plugin: others may write it, or no program may be run there",
    NO_HOME: "HOME, or what XDG_CACHE_HOME lies in, is no directory, so there is no place for a cache",
    "stale": "clang or clang-llm was updated after the plugin was built; the next compile builds it again",
    "limits": "the limits of the process (memory, time, stack) leave no room beside what clang needs",
    "other_linker": "the linker has another LLVM than the plugin, or the plugin is out of date",
    "nested": "another clang-llm has been here already",
    "arch": "one command for several architectures",
    # the plugin's
    "profile": "profile-guided builds rely on clang's own passes",
    "coverage": "coverage relies on clang's own passes",
    "sanitizer": "sanitizers rely on clang's own passes",
    "remarks": "remarks are about clang's own passes",
    "bisection": "LLVM is asked to leave passes out one by one",
    "foreign_plugin": "another plugin takes part in this compile",
    "empty": "the module defines no function",
    "data": "the module is tables: it has more global variables than instructions",
    "lto_options": "the linker is told to do its LTO in another way",
    "icf": "the linker folds equal functions (--icf): what it saves there, nobody else can measure",
    "relaxation": "the linker shortens calls on this machine: what it saves there, nobody else can measure",
    "redefined": "the linker redirects symbols (--wrap, --defsym), which passes must not look through",
    "relocatable": "the link makes one object out of many (-r)",
    "type_tests": "the linker resolves type tests (CFI, devirtualisation) with what it knows of all modules",
    "no_target": "clang has no code generator for this target",
    "tiny": "too small to be worth a search, or a test program of a configure script, and there is no plan for it",
    "effort_0": "effort 0 searches nothing, and there is no plan for this module",
    "captured": "kept for workers or for training; the object is plain -Oz",
    "frozen": "FROZEN is set: nothing is searched, and no plan is committed for this module, or not one that holds",
    "language": "only C and C++ were validated",
    # decisions
    "best": "nothing smaller was found",
    # errors
    "backend": "the backend that is set could not propose anything; clang-llm-tool doctor says why",
    "unvalidated": "no recipes were validated for this LLVM; run clang-llm-tool validate --shipped",
    "helper": "the program that searches failed; CLANG_LLM_LOG=FILE while compiling tells more",
    "helper_died": "the program that searches ended early; clang-llm-tool doctor tries it",
    "no_lists": "the backend proposed no pass list that this LLVM can run",
    "plugin_load": "the plugin could not be loaded; clang-llm-tool doctor tries it",
    "unfit": "a plan of the cache did not fit the module",
    # of candidates that were refused
    "diagnostics": "the user would not read what clang says under -Oz, such as the warnings of -Wframe-larger-than",
    "interface": "the object does not keep what -Oz's promises",
    "unverified": "LLVM's verifier rejects what the passes made",
    "invalid": "this LLVM does not run such a pass list",
    "crashed": "the passes or the code generator crashed",
    "memory": "it took too much memory",
}


def describe(reason: str) -> str:
    """Return what a reason means; an unknown one (of a newer version) speaks for itself."""
    return _MEANINGS.get(reason, reason.replace("_", " "))
