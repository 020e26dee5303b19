"""Finding out whether the linker that clang runs takes the plugin into its LTO (docs/lto.md)."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from clang_llm.system import process, settings
from clang_llm.system.errors import ProcessError
from clang_llm.toolchain.compiler import ASK_S, Compiler
from clang_llm.toolchain.published import PluginBuild

#: The linker's name, beside clang. Another one on PATH may be of another LLVM, which refuses the option, loudly.
NAME = "ld.lld"


def takes_plugin(compiler: Compiler, build: PluginBuild) -> Path | None:
    """Return the path of the linker that clang runs for ``-fuse-ld=lld`` if our plugin works in it.

    Args:
        compiler: The clang.
        build: A plugin for it.
    """
    linker = compiler.real.with_name(NAME)
    with suppress(ProcessError, OSError):
        environ = settings.compiler_environment()
        named = process.run([compiler.path, f"-print-prog-name={NAME}"], env=environ, timeout_s=ASK_S).output.strip()
        if linker.samefile(named) and _works(compiler, build):
            return linker
    return None


def _works(compiler: Compiler, build: PluginBuild) -> bool:
    """See that a link loads the plugin, through a descriptor as the wrapper hands it over, and that it works there."""
    with tempfile.TemporaryDirectory() as place:
        source, said = Path(place) / "try.c", Path(place) / "try.explain"
        options: list[Path | str] = ["-Oz", "-flto", "-fuse-ld=lld", "-nostdlib", "-shared", "-fPIC", source]
        source.write_text("int twice(int x) { return 2 * x; }\n", encoding="ascii")
        said.touch()
        argv = [compiler.path, "-Wl,--load-pass-plugin=/proc/self/fd/9", *options, "-o", f"{source}.so"]
        switches = {"_CLANG_LLM_EXPLAIN": str(said), "CLANG_LLM_CACHE_DIR": place, "CLANG_LLM_EFFORT": "0"}
        switches["CLANG_LLM_CONFIG"] = str(Path(place) / "no-config")
        environ = settings.compiler_environment(switches)
        process.run(["/bin/sh", "-c", 'exec 9<"$0" && exec "$@"', build.stub, *argv], env=environ, timeout_s=ASK_S)
        return '"key"' in said.read_text(encoding="utf-8", errors="replace")
