"""A finding made small: first its plan, down to the passes that it takes, then its program, with cvise."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clang_llm.lab.differential.judge import Judge
from clang_llm.lab.differential.plans import Plan
from clang_llm.lab.differential.program import Program
from clang_llm.plans.passlist import Adaptor, Item, PassList
from clang_llm.plans.recipe import Recipe, from_data
from clang_llm.system import process
from clang_llm.system.errors import DataError
from clang_llm.tuning.building import cxx_of
from clang_llm.tuning.minimise import minimise

#: Where the plugin wants a head, this does nothing that does not happen anyway.
_EMPTY_HEAD = "always-inline"
_KIND = "reduced"
_BUDGET = 3000
_CVISE_LIMIT_S = 3600.0
#: What a program must not do, though no sanitizer sees it.
_NOT_ALLOWED = ("uninitialized", "sometimes-uninitialized", "return-type", "implicit-function-declaration")


def load(finding: Path) -> tuple[Program, Recipe, dict[str, str]]:
    """Read a directory that a ledger left: program, plan (the reduced one where there is one), and what was told.

    Raises:
        DataError: It is none.
    """
    try:
        told = json.loads((finding / "finding.json").read_text(encoding="utf-8"))
        reduced = finding / "reduced.json"
        plan = json.loads((reduced if reduced.exists() else finding / "plan.json").read_text(encoding="utf-8"))
        program = Program(
            told["name"],
            told["source"],
            told["suffix"],
            (finding / f"program{told['suffix']}").read_text(encoding="utf-8"),
            tuple(told["options"]),
            told["reference"],
            told["sanitised"],
            tuple((name, (finding / name).read_text(encoding="utf-8")) for name in told["files"]),
        )
        return program, Recipe(plan) if isinstance(plan, str) else from_data(plan), told
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{finding} is no finding ({error}); name a directory under build/differential/findings"
        ) from error


def leaves(pipeline: str) -> tuple[str, ...]:
    """Cut a module pipeline into passes, each in the adaptors that it stands in."""

    def walk(items: Sequence[Item], around: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        for item in items:
            if isinstance(item, Adaptor):
                found += walk(item.items, (*around, item.name))
            else:
                found.append("".join(f"{name}(" for name in around) + item.text + ")" * len(around))
        return found

    return tuple(walk(PassList.parse(pipeline).items, ())) if pipeline else ()


def _cut(recipe: Recipe) -> tuple[str, ...]:
    """A recipe with at most one function pipeline as a sequence: stage and pass."""
    found = [f"m {each}" for each in leaves(recipe.module)]
    if recipe.staged and recipe.functions[0]:
        found += [f"f {each}" for each in leaves(f"function({recipe.functions[0]})")]
    return (*found, *(f"c {each}" for each in leaves(recipe.closing)))


def _joined(sequence: Sequence[str], staged: bool) -> Recipe:
    stages = {kind: [each[2:] for each in sequence if each[0] == kind] for kind in "mfc"}
    if not staged:
        return Recipe(",".join(stages["m"]) or _EMPTY_HEAD)
    inner = [each.removeprefix("function(").removesuffix(")") for each in stages["f"]]
    return Recipe(",".join(stages["m"]) or _EMPTY_HEAD, (",".join(inner),), (), ",".join(stages["c"]))


class PlanReducer:
    """Reduces plans under which one program differs."""

    def __init__(self, judge: Judge, program: Program) -> None:
        self._judge, self._program = judge, program

    def differing(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        """Return those under which the program differs."""
        judgement = self._judge.judge(self._program, [Plan(_KIND, recipe) for recipe in recipes])
        return [each.plan.recipe for each in judgement.differences]

    def reduce(self, recipe: Recipe) -> Recipe:
        """Return the shortest recipe found; raises DataError when the program does not differ."""
        if not self.differing([recipe]):
            raise DataError("the program does not differ under this plan; was it mended?")
        single = self.differing([recipe.uniform(each) for each in recipe.functions]) if recipe.staged else []
        start = single[0] if single else recipe
        if start.staged and len(start.functions) > 1:
            return self._stages(start)
        flat = _joined(_cut(start), start.staged)
        if not self.differing([flat]):
            # It takes passes in one adaptor, one function after the other.
            return self._stages(start)
        found = minimise(_cut(start), lambda some: self._cost(some, start.staged), budget=_BUDGET, canonical=False)
        return _joined(found.sequence, start.staged) if found else flat

    def _cost(self, sequences: Sequence[tuple[str, ...]], staged: bool) -> list[int | None]:
        recipes = [_joined(sequence, staged) for sequence in sequences]
        bad = set(self.differing(recipes))
        return [len(sequence) if recipe in bad else None for sequence, recipe in zip(sequences, recipes, strict=True)]

    def _stages(self, recipe: Recipe) -> Recipe:
        """Leave out whole stages, then passes of head and closing stage; what functions share stays."""
        if recipe.closing and self.differing([recipe._replace(closing="")]):
            recipe = recipe._replace(closing="")
        for stage in ("module", "closing"):
            kept = (
                [item.text for item in PassList.parse(getattr(recipe, stage)).items] if getattr(recipe, stage) else []
            )
            for item in list(kept):
                rest = list(kept)
                rest.remove(item)
                text = ",".join(rest) or ("" if stage == "closing" else _EMPTY_HEAD)
                shorter = recipe._replace(module=text) if stage == "module" else recipe._replace(closing=text)
                if self.differing([shorter]):
                    kept, recipe = rest, shorter
        return recipe


def probe(judge: Judge, finding: Path, text: str) -> bool:
    """Whether a variant of a finding's program still differs, and is a program at all."""
    program, recipe, _ = load(finding)
    variant = replace(program, text=text)
    driver = cxx_of(judge.compiler) if program.is_cxx else judge.compiler.path
    argv: list[str | Path] = [driver, *judge.machine.options, *program.options, "-fsyntax-only"]
    argv += [*(f"-Werror={name}" for name in _NOT_ALLOWED), "-x", "c++" if program.is_cxx else "c", "-"]
    if not process.run(argv, stdin=text.encode(), cwd=finding, timeout_s=60).ok:
        return False
    return bool(PlanReducer(judge, variant).differing([recipe]))


def reduce_finding(judge: Judge, finding: Path, environ: Mapping[str, str], with_program: bool = True) -> str:
    """Reduce a finding in place and return what is to be said about it."""
    finding = finding.absolute()
    program, recipe, told = load(finding)
    reduced = PlanReducer(judge, program).reduce(recipe)
    (finding / "reduced.json").write_text(json.dumps(reduced.message(), indent=1) + "\n", encoding="utf-8")
    text = f"passes that it takes: {reduced.text}\n"
    if with_program and shutil.which("cvise"):
        asking = [sys.executable, "-m", "clang_llm.lab.differential", "probe", str(finding)]
        text += reduce_program(finding, program, environ, asking)
    with (finding / "README").open("a", encoding="utf-8") as file:
        file.write(text)
    return f"{finding.name} ({told['how']}): {text}"


def reduce_program(finding: Path, program: Program, environ: Mapping[str, str], asking: Sequence[str]) -> str:
    """Let cvise make a finding's program small, in the directory `cvise` of the finding; return what became of it.

    Args:
        finding: The finding's directory, with its whole path.
        program: Its program.
        environ: Environment of cvise.
        asking: A command that ends with 0 when the program in the file after `--program` still differs.
    """
    place = finding / "cvise"
    place.mkdir(exist_ok=True)
    source = place / f"program{program.suffix}"
    source.write_text(program.text, encoding="utf-8")
    script = place / "interesting"
    # cvise runs it in a directory of its own, beside each variant.
    script.write_text(
        f"#!/bin/sh\nexec {shlex.join(asking)} --program {source.name} >/dev/null 2>&1\n", encoding="utf-8"
    )
    script.chmod(0o755)
    argv = ["cvise", "--n", "1", str(script), source.name]
    done = process.run(argv, env=environ, cwd=place, timeout_s=_CVISE_LIMIT_S)
    return f"program reduced: cvise/{source.name}\n" if done.ok else "cvise did not reduce the program\n"
