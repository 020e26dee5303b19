"""``clang-llm-tool explain CMD…``: what would happen to a compile command, and why; nothing is written."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clang_llm.cli import trial
from clang_llm.cli.output import human_count, percent, table
from clang_llm.cli.reasons import describe
from clang_llm.plans.recipe import PER_FUNCTION, SEPARATOR
from clang_llm.system.objects import PARTS
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

_Event = Mapping[str, Any]

# Characters of a pass list that are shown of candidates; some have thousands.
_SHOWN = 40


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser("explain", help="what would happen to a compile command, and why; writes nothing")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="such as: clang-llm -Oz -c a.c")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print an explanation."""
    settings = Settings.load(environ)
    found = trial.explain(trial.understand(arguments.command, settings, environ), settings, environ)
    if arguments.json:
        print(json.dumps(vars(found), indent=2))
    else:
        print("\n".join(tell(found)))
    return 0


def tell(found: trial.Explanation) -> list[str]:
    """Return an explanation as lines of text."""
    lines = [f"clang     {found.clang} ({found.version})"]
    if found.wrapper not in {trial.PLUGIN, trial.LINKER}:
        return [*lines, f"wrapper   plain clang: {_because(found.wrapper)}"]
    lines.append(f"wrapper   clang with the plugin{' in its linker' if found.wrapper == trial.LINKER else ''}")
    if not found.compiles:
        return [*lines, "result    plain clang: this command writes no object at a level of CLANG_LLM_LEVELS"]
    for module in found.modules:
        lines += _tell_module(module)
    if found.message:
        lines.append(f"plugin    {found.message}")
    return lines


def _because(reason: str) -> str:
    return f"{describe(reason)} ({reason})"


def _tell_module(events: Sequence[_Event]) -> list[str]:
    lines: list[str] = []
    results = [event for event in events if event["event"] == "result"]
    origins = [origin for event in events if event["event"] == "origins" for origin in event["origins"]]
    for event in events:
        match event["event"]:
            case "bypass":
                lines.append(f"plugin    plain clang: {_because(event['reason'])}")
            case "key":
                lines.append(f"key       {event['key']}")
            case "lookup":
                lines += _tell_lookup(event)
            case "remote":
                lines.append(f"remote    {event['outcome']}: a team's plan would be kept, and nothing is written here")
            case "model":
                lines.append(f"model     {event['outcome']}: {event['why']}")
            case "decision":
                lines += [*_tell_results(results, event, origins), _tell_decision(event)]
                lines += _tell_refused(results, event)
    return lines


def _tell_lookup(event: _Event) -> list[str]:
    lines = [f"lookup    {event['result']}"]
    plan = event.get("plan") or {}
    if plan:
        oz, size = plan.get("size_oz", 0), plan.get("size", 0)
        saving = f"-Oz {human_count(oz)} bytes, plan {human_count(size)} bytes, {percent(oz - size, oz)} less"
        lines.append(f"entry     {saving}; searched with {plan.get('budget')} candidates")
        parts = plan.get("parts")
        if parts:
            lines += [
                f"          {name:<4} {_divided(parts[word])}" for name, word in (("-Oz", "oz"), ("plan", "ours"))
            ]
        if event["result"] == "hit:oz":
            lines += _refused(Counter(plan.get("provenance", {}).get("rejected", {})))
    return lines


def _divided(parts: Sequence[int]) -> str:
    return ", ".join(f"{name} {human_count(size)}" for name, size in zip(PARTS, parts, strict=True))


def _tell_refused(results: Sequence[_Event], decision: _Event) -> list[str]:
    """Return why candidates were no choice, where that may be why there was none."""
    if decision["do"] == "apply":
        return []
    refused = (result for result in results if result["id"] >= 0 and result["status"] != "ok")
    return _refused(Counter(f"{result['status']}:{result.get('reason', '')}".rstrip(":") for result in refused))


def _refused(counts: Mapping[str, int]) -> list[str]:
    return [
        f"refused   {number} candidate{'s' * (number > 1)}: {describe(reason.partition(':')[0])} ({reason})"
        for reason, number in sorted(counts.items())
    ]


def _tell_results(results: Sequence[_Event], decision: _Event, origins: Sequence[str]) -> list[str]:
    if not results:
        return []
    baseline = results[0]["size"]
    chosen = decision.get("pipeline") if decision["do"] == "apply" else ""
    rows = []
    for result in results:
        ok = result["status"] == "ok"
        size = human_count(result["size"]) if ok else "-"
        saving = percent(baseline - result["size"], baseline) if ok else "-"
        name = "-Oz" if result["id"] < 0 else _shorten(result["pipeline"])
        status = f"{result['status']} {result.get('reason', '')}".rstrip()
        parts = list(map(human_count, result["parts"])) if ok else ["-"] * len(PARTS)
        row = ("*" if ok and result["pipeline"] == chosen else "", status, size, saving, *parts)
        # Who proposed it, where that may be one of several.
        origin = (origins[result["id"]] if 0 <= result["id"] < len(origins) else "",) if origins else ()
        rows.append((*row, *origin, name))
    headers = ("", "status", "bytes", "saving", *PARTS, *(("from",) if origins else ()), "passes")
    return ["", *table(rows, "<<>>>>>><<"[: len(headers)], headers), ""]


def _shorten(pipeline: str) -> str:
    """Return a pass list that fits on a line; ``--json`` has all of it, and the decision has the chosen one."""
    if PER_FUNCTION in pipeline:
        return f"mix of {pipeline.count(PER_FUNCTION) + 1} function pipelines"
    passes = pipeline.count(",") + 1
    return pipeline if len(pipeline) <= _SHOWN else f"{pipeline[:_SHOWN]}… ({passes} passes)"


def _tell_decision(event: _Event) -> str:
    if event["do"] == "apply":
        head, *stages = event["pipeline"].split(f" {SEPARATOR} ")
        if not stages:
            return f"decision  apply {head}"
        functions = stages[0].removesuffix(SEPARATOR).strip().split(PER_FUNCTION)
        lines = [f"decision  apply, first for the module: {head}"]
        lines += [
            f"          then for each function{' that it suits' * (len(functions) > 1)}: {each}" for each in functions
        ]
        return "\n".join([*lines, *(f"          then for the module: {each}" for each in stages[1:] if each)])
    return f"decision  plain -Oz: {_because(event['reason'])}"
