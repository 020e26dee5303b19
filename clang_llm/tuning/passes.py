"""The vocabulary compared with LLVM: ``python -m clang_llm.tuning.passes``.

LLVM says which passes it has (``opt --print-passes``) and which of them its default pipelines run
(``opt -passes='default<O2>' -print-pipeline-passes``); the data says what may be done with them. Where they differ, a
finding says how, with a line for the data where that helps. Nothing is changed: a person reviews what is admitted.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.plans.vocabulary import CODEGEN, WHOLE_PIPELINE, WHOLE_PIPELINES, Entry, Level, Vocabulary, load
from clang_llm.system import process
from clang_llm.system.errors import ClangLlmError, ToolchainError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import Compiler, find_clang, inspect, installed_compilers

#: Seconds for one question to opt; it takes a tenth of one on an idle machine.
_ASK_S = 60.0
_LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")
#: Sections of ``--print-passes`` that hold passes over IR, by the adaptor that these stand in.
_KINDS = {"Module": "module", "CGSCC": "cgscc", "Function": "function", "LoopNest": "loop", "Loop": "loop"}
_SECTION = re.compile(r"(\w+) passes(?: with params)?:")
_ARGUMENT = re.compile(r"  ([\w-]+)(?:<(.*)>)?")
#: A pass in a printed pipeline; a name before a parenthesis is an adaptor.
_ELEMENT = re.compile(r"(?<![\w-])([a-z][\w-]*)(?:<((?:[^<>]|<[^<>]*>)*)>)?(\()?")
#: What the data does not have on purpose.
_LEFT_OUT = {
    "printers": r"print|print-.*|dot-.*|view-.*",
    "verifiers": r"verify|lint|check-debugify|prof-verify|trigger-.*|pa-eval",
    "analyses": r"require|invalidate|recompute-globalsaa|aa-eval|count-visits|func-properties-stats|instcount"
    r"|kernel-info|legacy-divergence-analysis|free-machine-function",
    "nothing or examples": r"no-op-.*|helloworld",
    "remarks and warnings": r"annotation2metadata|annotation-remarks|transform-warning",
    "names and debug information only": r"add-discriminators|declare-to-assign|instnamer|redundant-dbg-inst-elim",
}
#: What surrounds a pass of each kind at module level.
_AROUND = {
    "module": "{}",
    "cgscc": "cgscc({})",
    "function": "function({})",
    "loop": "function(loop({}))",
    "loop-mssa": "function(loop-mssa({}))",
}


@dataclass(frozen=True)
class Argument:
    """A pass as LLVM lists it; guard-widening and others have more than one kind."""

    kinds: frozenset[str]
    tokens: frozenset[str]


@dataclass(frozen=True)
class Finding:
    """One disagreement, and the line for the data that would end it, "" where a person has to think first."""

    problem: str
    line: str = ""


@dataclass(frozen=True)
class Facts:
    """What one LLVM says of itself.

    Attributes:
        listed: The passes of ``--print-passes`` by name.
        run: The passes of the default pipelines, with the parameters that they get.
        refused: Uses that the data allows and opt does not take.
        gone: Names of the data that opt neither lists nor takes.
    """

    listed: Mapping[str, Argument]
    run: Mapping[str, frozenset[str]]
    refused: Sequence[str] = ()
    gone: Sequence[str] = ()


def left_out(name: str) -> str | None:
    """Return why the data does not have a pass on purpose, or None."""
    return next((why for why, pattern in _LEFT_OUT.items() if re.fullmatch(pattern, name)), None)


def listed(text: str) -> dict[str, Argument]:
    """Read the output of ``opt --print-passes``: passes over IR, no analyses, nothing of the machine level."""
    found: dict[str, Argument] = {}
    kind: str | None = None
    for line in text.splitlines():
        section = _SECTION.fullmatch(line)
        if not line.startswith(" "):
            kind = _KINDS.get(section.group(1)) if section else None
        argument = _ARGUMENT.fullmatch(line)
        if kind is None or argument is None:
            continue
        name, params = argument.groups()
        before = found.get(name, Argument(frozenset(), frozenset()))
        found[name] = Argument(before.kinds | {kind}, before.tokens | _tokens(params))
    return found


def run_by(text: str) -> dict[str, frozenset[str]]:
    """Read the output of ``-print-pipeline-passes``: the passes with all the parameters they are given."""
    found: dict[str, frozenset[str]] = {}
    for name, params, opening in _ELEMENT.findall(text):
        if not opening:
            found[name] = found.get(name, frozenset()) | _tokens(params)
    return found


def _tokens(params: str | None) -> frozenset[str]:
    """Return parameters as the data spells them, a number as '#'."""
    return frozenset(re.sub(r"=(?:N|\d+)$", "=#", token) for token in (params or "").split(";") if token)


def compare(vocabulary: Vocabulary, facts: Facts) -> list[Finding]:
    """Return every disagreement between the whole vocabulary of one LLVM and that LLVM."""
    findings: list[Finding] = []
    for name in sorted({*facts.listed, *facts.run}):
        if left_out(name) is None:
            findings += _compare_pass(name, vocabulary, facts)
        elif name in vocabulary.entries:
            findings.append(Finding(f"{name}: in the data, and left out on purpose ({left_out(name)})"))
    for name, entry in sorted(vocabulary.entries.items()):
        if entry.origin == "pipeline" and name not in facts.run and name != WHOLE_PIPELINE:
            findings.append(Finding(f"{name}: no default pipeline runs it, the data says '{entry.origin}'"))
    findings += [Finding(f"{name}: gone from this LLVM; end the range of its line") for name in facts.gone]
    return findings + [Finding(f"{text}: allowed by the data, refused by opt") for text in facts.refused]


def _compare_pass(name: str, vocabulary: Vocabulary, facts: Facts) -> list[Finding]:
    argument = facts.listed.get(name, Argument(frozenset(), frozenset()))
    tokens = argument.tokens | facts.run.get(name, frozenset())
    entry = vocabulary.entries.get(name)
    if entry is None:
        return [Finding(f"{name}: not in the data", _suggestion(name, argument, tokens, vocabulary.major, facts))]
    findings = []
    if argument.kinds and entry.kind.removesuffix("-mssa") not in argument.kinds:
        findings.append(Finding(f"{name}: of kind {entry.kind}; this LLVM says {' and '.join(sorted(argument.kinds))}"))
    known = {*entry.tokens, *entry.declined}
    if new := sorted(tokens - known):
        findings.append(
            Finding(f"{name}: parameters that the data does not have", " ".join(f"~{each}" for each in new))
        )
    if name in facts.run and entry.origin not in ("pipeline", "withdrawn"):
        findings.append(Finding(f"{name}: the default pipelines run it, the data says '{entry.origin}'"))
    return findings


def _suggestion(name: str, argument: Argument, tokens: Iterable[str], major: int, facts: Facts) -> str:
    """Return a line for the data; what LLVM's pipelines do not run starts as unsafe, every parameter as declined."""
    kind = min(argument.kinds, default="module")
    produced = name in facts.run
    level = "production pipeline" if produced else "unsafe unproven"
    note = "" if produced else "  # not vetted"
    return " ".join([name, kind, f"{major}-", level, *(f"~{token}" for token in sorted(tokens))]) + note


def ask(compiler: Compiler, vocabulary: Vocabulary, allowed: Vocabulary) -> Facts:
    """Ask one LLVM what it has.

    Args:
        compiler: Its clang.
        vocabulary: Everything the data says of this version.
        allowed: What pass lists may use of it; tried with every parameter.

    Raises:
        ToolchainError: There is no opt, or it does not answer.
    """
    opt = compiler.tool("opt")
    if not opt.is_file():
        raise ToolchainError(f"no opt beside {compiler.path}; install the package llvm-{compiler.major}")
    arguments = listed(_answer([opt, "--print-passes"]))
    run: dict[str, frozenset[str]] = {}
    for level in _LEVELS:
        text = _answer([opt, f"-passes={WHOLE_PIPELINE}<{level}>", "-print-pipeline-passes", "-disable-output", "-"])
        for name, tokens in run_by(text).items():
            run[name] = run.get(name, frozenset()) | tokens
    texts = [text for entry in allowed.entries.values() for text in spellings(entry)]
    unlisted = [name for name in vocabulary.entries if name not in arguments]
    gone = [name for name in unlisted if _refused(opt, spellings(vocabulary.entries[name])[:1])]
    return Facts(arguments, run, _refused(opt, texts), gone)


def _answer(argv: Sequence[Path | str]) -> str:
    done = process.run(argv, timeout_s=_ASK_S)
    if not done.ok:
        raise ToolchainError(f"'{' '.join(map(str, argv))}' failed: {done.stderr.decode(errors='replace')[:200]}")
    return done.output


def spellings(entry: Entry) -> list[str]:
    """Return a pass as a module pipeline, alone and with each parameter that it may have; nothing for our own."""
    if entry.name == CODEGEN:
        return []
    tokens = [token.replace("#", "3") for token in entry.tokens]
    uses = [[token] for token in tokens]
    if entry.name not in WHOLE_PIPELINES:
        uses = [[*entry.required], *(sorted({*entry.required, token}) for token in tokens)]
    texts = [f"{entry.name}<{';'.join(use)}>" if use else entry.name for use in uses]
    return [_AROUND[entry.kind].format(text) for text in texts]


def _refused(opt: Path, texts: Sequence[str]) -> list[str]:
    """Return the pipelines that opt does not take, tried on an empty module: all at once, then one by one."""

    def taken(pipeline: str) -> bool:
        return process.run([opt, f"-passes={pipeline}", "-disable-output", "-"], timeout_s=_ASK_S).ok

    return [] if not texts or taken(",".join(texts)) else [text for text in texts if not taken(text)]


def report(compiler: Compiler, vocabulary: Vocabulary, facts: Facts) -> list[str]:
    """Return the report of one LLVM: counts, what is left out and why, and the findings."""
    levels = [entry.level for entry in vocabulary.entries.values()]
    counts = ", ".join(f"{levels.count(level)} {level.name.lower()}" for level in Level)
    lines = [f"LLVM {compiler.version}: {len(facts.listed)} passes listed; in the data {counts}"]
    for why in _LEFT_OUT:
        names = sorted(name for name in {*facts.listed, *facts.run} if left_out(name) == why)
        lines.append(f"  left out, {why}: {', '.join(names) or 'none'}")
    for finding in compare(vocabulary, facts):
        lines.append(f"  {finding.problem}")
        if finding.line:
            lines.append(f"    to review: {finding.line}")
    return lines


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Compare and report; returns 0 when the data and every LLVM agree, else 1."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.tuning.passes", description=__doc__)
    parser.add_argument("--clang", action="append", help="clang to compare with; repeatable (default: all installed)")
    arguments = parser.parse_args(argv)
    agree = True
    try:
        chosen = [inspect(find_clang(name, environ)) for name in arguments.clang or ()]
        for compiler in chosen or installed_compilers(environ):
            vocabulary = load(compiler.major, Level.UNSAFE)
            facts = ask(compiler, vocabulary, load(compiler.major))
            agree = agree and not compare(vocabulary, facts)
            sys.stdout.write("\n".join(report(compiler, vocabulary, facts)) + "\n")
    except ClangLlmError as error:
        sys.stderr.write(f"clang-llm: {error}\n")
        return error.exit_code
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
