"""``python -m clang_llm.lab.differential``: what ``make differential`` runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from clang_llm.lab.differential.factory import Factory, Line, Options
from clang_llm.lab.differential.judge import Judge
from clang_llm.lab.differential.ledger import Ledger, Row
from clang_llm.lab.differential.machines import machines
from clang_llm.lab.differential.reduce import load, probe, reduce_finding
from clang_llm.lab.differential.report import report
from clang_llm.lab.packages.workplace import run_command, say
from clang_llm.system.errors import DataError
from clang_llm.system.settings import compiler_environment, process_environment
from clang_llm.toolchain.compiler import Compiler, installed_compilers


def compilers(majors: Sequence[int]) -> list[Compiler]:
    """Return the newest installed clang of each wanted major version, the newest first; of all without a wish."""
    found: dict[int, Compiler] = {}
    for compiler in installed_compilers():
        if not majors or compiler.major in majors:
            found.setdefault(compiler.major, compiler)
    return list(found.values())


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the factory, tell what it found, or make that small."""
    if arguments.do == "reduce":
        return _reduce(arguments, environ)
    if arguments.do == "probe":
        return _probe(arguments)
    ledger = Ledger(arguments.work)
    if arguments.do == "run":
        options = Options(
            arguments.work.absolute(),
            arguments.seed,
            tuple(arguments.sources.split(",")),
            arguments.plans,
            arguments.runs,
            arguments.programs,
            arguments.minutes,
            arguments.jobs,
        )
        Factory(_lines(arguments, options, ledger), options, _tell).run()
    say("")
    text = report(ledger.rows)
    arguments.work.mkdir(parents=True, exist_ok=True)
    (arguments.work / "report.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if any(row.differences for row in ledger.rows) else 0


def _lines(arguments: argparse.Namespace, options: Options, ledger: Ledger) -> list[Line]:
    known, environ = machines(), compiler_environment()
    # The newest clang has the best sanitizers, whatever is judged.
    sanitizing = next(iter(compilers(())), None)
    found = []
    for name in arguments.machines.split(","):
        if name not in known:
            raise DataError(f"there is no machine '{name}'; name some of: {', '.join(known)}")
        wanted = [int(word) for word in arguments.llvm.split(",") if word]
        found += [Line(compiler, known[name], options, ledger, environ, sanitizing) for compiler in compilers(wanted)]
    return found


def _judge_of(finding: Path, work: Path) -> Judge:
    """Return a judge for the machine and the clang of a finding; raises DataError."""
    told = load(finding)[2]
    compiler = next(iter(compilers([int(told["llvm"].partition(".")[0])])), None)
    if compiler is None:
        raise DataError(f"the finding is of LLVM {told['llvm']}, which is not installed")
    sanitizing = next(iter(compilers(())), None)
    return Judge(compiler, machines()[told["machine"]], work.absolute() / "cache", compiler_environment(), sanitizing)


def _reduce(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Reduce findings, all of the directory without names."""
    findings = arguments.findings or sorted((arguments.work / "findings").iterdir())
    for finding in findings:
        sys.stdout.write(reduce_finding(_judge_of(finding, arguments.work), finding, environ, not arguments.plan_only))
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    """For cvise: 0 when the program still differs."""
    finding = arguments.findings[0]
    text = arguments.program.read_text(encoding="utf-8", errors="replace")
    # The finding lies in <work>/findings.
    return 0 if probe(_judge_of(finding, finding.parents[1]), finding, text) else 1


def _tell(row: Row) -> None:
    say(f"{row.machine} {row.llvm} {row.program}: {row.excluded or f'{row.runs} runs'}")
    for name in row.differences:
        sys.stderr.write(f"\ndifference: {name}\n")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.differential``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.differential", description=__doc__)
    parser.add_argument("do", choices=("run", "report", "reduce", "probe"))
    parser.add_argument("findings", nargs="*", type=Path, help="reduce: directories of findings; all without a name")
    parser.add_argument("--work", type=Path, default=Path("build") / "differential", help="directory (%(default)s)")
    parser.add_argument("--machines", default="x86-64", help="names, with commas (default: %(default)s)")
    parser.add_argument("--llvm", default="19", help="major versions, with commas; empty: all (default: %(default)s)")
    parser.add_argument("--sources", default=",".join(Options.sources), help="of programs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="decides programs and plans (default: %(default)s)")
    parser.add_argument("--plans", type=int, default=24, help="for each program (default: %(default)s)")
    parser.add_argument("--runs", type=int, help="stop when each machine and clang has so many")
    parser.add_argument("--programs", type=int, help="stop after so many for each machine and clang")
    parser.add_argument("--minutes", type=float, help="stop then")
    parser.add_argument("--jobs", type=int, default=1, help="programs at once (default: %(default)s)")
    parser.add_argument("--plan-only", action="store_true", help="reduce: leave the program as it is")
    parser.add_argument("--program", type=Path, help="probe: the variant of the program")
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
