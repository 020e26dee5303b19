# Parse current commandline:
# - _shtab_clang_llm_cmdpath=(sub)command path seen so far
# - _shtab_clang_llm_npos=number of positional arguments given after it
# - options are skipped based on _shtab_clang_llm_opts_with_value & _shtab_clang_llm_commands lists
function _shtab_clang_llm_scan
  set -g _shtab_clang_llm_cmdpath ''
  set -g _shtab_clang_llm_npos 0
  set -l tokens (commandline -opc)
  set -e tokens[1]
  set -l expect_value 0
  for t in $tokens
    if test $expect_value -eq 1
      set expect_value 0
      continue
    end
    switch "$t"
      case '--*=*'
        continue
      case '-*'
        if contains -- $t $_shtab_clang_llm_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_clang_llm_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_clang_llm_cmdpath"
            set candidate "$_shtab_clang_llm_cmdpath $t"
          end
          if contains -- $candidate $_shtab_clang_llm_commands
            set -g _shtab_clang_llm_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_clang_llm_npos (math $_shtab_clang_llm_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_clang_llm_using
  _shtab_clang_llm_scan
  test "$_shtab_clang_llm_cmdpath" = "$argv"
end

set -g _shtab_clang_llm_commands doctor stats report explain advise cache 'cache show' 'cache list' 'cache cleanup' 'cache clear' 'cache verify' 'cache path' plans 'plans export' 'plans import' 'plans merge' 'plans verify' 'plans check' key 'key new' 'key show' config validate warm tune train serve path
set -g _shtab_clang_llm_opts_with_value --before --binary --candidates --clang --compare --compile-commands --engine --epochs --fail-over --file --html --idle --jobs --json --keys-from --llvm --max-size --objects --out --programs --ray --sample --sets --sort --work --workers -j

complete -c clang-llm-tool -e
complete -c clang-llm-tool -f

complete -c clang-llm-tool -n _shtab_clang_llm_using -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n _shtab_clang_llm_using -l version -d 'show program'"'"'s version number and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a doctor -d 'check the installation, build and try the plugin, say how to mend what is wrong'
complete -c clang-llm-tool -n '_shtab_clang_llm_using doctor' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using doctor' -l json -d 'for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using doctor' -l all -d 'every clang that is installed, not only the one in use'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a stats -d 'bytes saved, hits, misses and reasons'
complete -c clang-llm-tool -n '_shtab_clang_llm_using stats' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using stats' -l json -d 'for programs; has the files, too'
complete -c clang-llm-tool -n '_shtab_clang_llm_using stats' -l zero -d 'begin a new period; plans stay'
complete -c clang-llm-tool -n '_shtab_clang_llm_using stats' -l files -d 'one line for each object that was compiled'
complete -c clang-llm-tool -n '_shtab_clang_llm_using stats' -l sort -xka "name saved size" -d 'order of the files'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a report -d 'what was saved: how much, where, why, is it safe, what next; text, HTML, JSON, Markdown'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l objects -x -d 'report on the objects below DIR'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l before -x -d 'the same objects, compiled by plain clang -Oz'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l binary -x -d 'compare two linked files: ELF, also firmware, or wasm'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l compare -x -d 'compare two files that --json wrote'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l fail-over -x -d 'with --binary, --compare: exit with 1 on more growth (2% or bytes)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l why -d 'CMD is one compile: what each pass and way of generating code earned'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l functions -d 'functions before and after; each object is compiled once more'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l markdown -d 'a summary for a pull request, instead of text'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l html -x -d 'write one static page to OUT'
complete -c clang-llm-tool -n '_shtab_clang_llm_using report' -l json -x -d 'write everything to OUT, for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a explain -d 'what would happen to a compile command, and why; writes nothing'
complete -c clang-llm-tool -n '_shtab_clang_llm_using explain' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using explain' -l json -d 'for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a advise -d 'tell what else would make a build smaller, in measured bytes'
complete -c clang-llm-tool -n '_shtab_clang_llm_using advise' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using advise' -l compile-commands -x -d 'compile_commands.json, not a build'
complete -c clang-llm-tool -n '_shtab_clang_llm_using advise' -l jobs -x -d 'compilers at once (1)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using advise' -l sample -x -d 'commands to measure, the largest sources; 0: all (20)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using advise' -l json -d 'for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a cache -d 'show, check and clean the plans'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache; and test $_shtab_clang_llm_npos -eq 0' -a show -d 'print one entry'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache show' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache show' -l json -d 'for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache; and test $_shtab_clang_llm_npos -eq 0' -a list -d 'one line for each entry'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache list' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache list' -l json -d 'for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache; and test $_shtab_clang_llm_npos -eq 0' -a cleanup -d 'remove the least recently used entries until the rest fits'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache cleanup' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache cleanup' -l max-size -x -d 'such as 100M; default: CLANG_LLM_MAX_SIZE'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache; and test $_shtab_clang_llm_npos -eq 0' -a clear -d 'remove all entries; plugins, counters and the ledger stay'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache clear' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache; and test $_shtab_clang_llm_npos -eq 0' -a verify -d 'check every entry, move damaged ones aside; 1 when there were some'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache verify' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache; and test $_shtab_clang_llm_npos -eq 0' -a path -d 'print the cache directory'
complete -c clang-llm-tool -n '_shtab_clang_llm_using cache path' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a plans -d 'write, read and merge plans as a text file that a project commits'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans; and test $_shtab_clang_llm_npos -eq 0' -a export -d 'write the plans that were measured here to a file, for others to use'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans export' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans export' -l add -d 'keep what FILE has; the better of two plans stays'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans export' -l this-build -d 'modules compiled since `stats --zero` only'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans export' -l keys-from -x -d 'keys, one a line, or another file of plans'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans export' -l llvm -x -d 'such as 19 or 19.1.7; several may be given'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans; and test $_shtab_clang_llm_npos -eq 0' -a import -d 'take plans of files over into the cache'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans import' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans; and test $_shtab_clang_llm_npos -eq 0' -a merge -d 'merge two versions of a file; git'"'"'s merge driver'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans merge' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans; and test $_shtab_clang_llm_npos -eq 0' -a verify -d 'check a file: order, checksums, passes, signatures; 1 when it is wrong'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans verify' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans; and test $_shtab_clang_llm_npos -eq 0' -a check -d 'build with the committed plans alone, compare each object with its plan; 1 when one differs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans check' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans check' -l file -x -d 'default: CLANG_LLM_PLANS'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans check' -l complete -d '1 also when a module has no plan'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans check' -l compile-commands -x -d 'compile_commands.json, not a build'
complete -c clang-llm-tool -n '_shtab_clang_llm_using plans check' -l jobs -s j -x -d 'commands of FILE at once (1)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a key -d 'make and show the keys with which a team signs its plans'
complete -c clang-llm-tool -n '_shtab_clang_llm_using key' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using key; and test $_shtab_clang_llm_npos -eq 0' -a new -d 'make a pair of keys: FILE signs, FILE.pub only verifies and may be committed'
complete -c clang-llm-tool -n '_shtab_clang_llm_using key new' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using key new' -l hmac -d 'one secret that all share instead; needs no other package'
complete -c clang-llm-tool -n '_shtab_clang_llm_using key; and test $_shtab_clang_llm_npos -eq 0' -a show -d 'print a key'"'"'s kind and fingerprint, never the secret'
complete -c clang-llm-tool -n '_shtab_clang_llm_using key show' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a config -d 'show every setting and where it comes from'
complete -c clang-llm-tool -n '_shtab_clang_llm_using config' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using config' -l json -d 'for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a validate -d 'try pass lists on self-testing programs, on each installed LLVM'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l shipped -d 'instead of a file: for each LLVM that comes without recipes, those of the nearest older one; what passes is used from then on'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l programs -x -d 'HumanEval-X C++ programs, used beside our own (default: the file beside the checkout, if there is one)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l clang -x -d 'clang to validate for; repeatable (default: all installed)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l engine -xka "plugin opt" -d 'what applies the lists (default: plugin)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l jobs -x -d 'batches tried at once (default: 2)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l fresh -d 'try lists again whose verdict is remembered'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l json -x -d 'write the verdicts to this file'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l write -d 'write the accepted lists as the vetted set of each LLVM'
complete -c clang-llm-tool -n '_shtab_clang_llm_using validate' -l sets -x -d 'where --write puts them (default: the package'"'"'s data)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a warm -d 'fill the cache for a build, or for compile_commands.json without linking'
complete -c clang-llm-tool -n '_shtab_clang_llm_using warm' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using warm' -l workers -x -d 'capture the modules first, then search with N processes of this machine'
complete -c clang-llm-tool -n '_shtab_clang_llm_using warm' -l ray -x -d 'the same with a Ray cluster: HOST:PORT, auto, or local (with N processors)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using warm' -l compile-commands -x -d 'compile_commands.json, not a build'
complete -c clang-llm-tool -n '_shtab_clang_llm_using warm' -l jobs -s j -x -d 'commands of FILE at once (1)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a tune -d 'search on every module of a project, for hours if you like; later builds take it from the cache'
complete -c clang-llm-tool -n '_shtab_clang_llm_using tune' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using tune' -l candidates -x -d 'for each module (300)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using tune' -l workers -x -d 'capture the modules first, then search with N processes of this machine'
complete -c clang-llm-tool -n '_shtab_clang_llm_using tune' -l ray -x -d 'the same with a Ray cluster: HOST:PORT, auto, or local (with N processors)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using tune' -l compile-commands -x -d 'compile_commands.json, not a build'
complete -c clang-llm-tool -n '_shtab_clang_llm_using tune' -l jobs -s j -x -d 'commands of FILE at once (1)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a train -d 'fine-tune a model on the modules of a project'
complete -c clang-llm-tool -n '_shtab_clang_llm_using train' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using train' -l out -x -d 'where the new model goes'
complete -c clang-llm-tool -n '_shtab_clang_llm_using train' -l work -x -d 'modules and their sizes (default: <out>.work)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using train' -l epochs -x -d '0: the model as it is (default: 3)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using train' -l compile-commands -x -d 'compile_commands.json, not a build'
complete -c clang-llm-tool -n '_shtab_clang_llm_using train' -l jobs -s j -x -d 'commands of FILE at once (1)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a serve -d 'start, show or stop the server that holds a large model; compiles start it by themselves'
complete -c clang-llm-tool -n '_shtab_clang_llm_using serve' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using serve' -l status -d 'show the server; 1 when none runs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using serve' -l stop -d 'end the server'
complete -c clang-llm-tool -n '_shtab_clang_llm_using serve' -l json -d 'the status for programs'
complete -c clang-llm-tool -n '_shtab_clang_llm_using serve' -l idle -x -d 'then it leaves (600)'
complete -c clang-llm-tool -n '_shtab_clang_llm_using; and test $_shtab_clang_llm_npos -eq 0' -a path -d 'print where a part of clang-llm is'
complete -c clang-llm-tool -n '_shtab_clang_llm_using path' -s h -l help -d 'show this help message and exit'
complete -c clang-llm-tool -n '_shtab_clang_llm_using path; and test $_shtab_clang_llm_npos -eq 0' -ka "wrappers cmake meson seed" -d part

