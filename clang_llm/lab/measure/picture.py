"""The README's picture: bars of what is saved, drawn from result files.

SVG by hand, not by a plotting library: the same numbers give the same file with whatever is installed, and the text
stays text. It has no background, and colours that can be read on light and on dark pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from clang_llm.lab.measure.composed import DAGGER, TARGETS, TOTAL, Results, marked
from clang_llm.lab.measure.results import Cell
from clang_llm.system.errors import DataError
from clang_llm.system.settings import DEFAULT_EFFORT, EFFORT_TABLE

#: Pixels: of the picture, of the names beside the bars, of the axis, of a bar and what is around it.
_WIDTH, _NAMES, _AXIS, _BAR, _GAP, _HEAD = 720, 170, 480, 13, 8, 34
#: The grey has a contrast of more than 4 to white and to what dark pages have for black.
_STYLE = """\
  text { font: 13px system-ui, sans-serif; fill: #6e7781 }
  .head { font-weight: 600 }
  rect { fill: #2f81f7 }
  .default { opacity: 0.5 }
"""


@dataclass(frozen=True)
class Bar:
    """One bar: what it is of, the fraction saved, and how hard was searched."""

    name: str
    saved: float
    kind: str


def bars(results: Results) -> Mapping[str, Sequence[Bar]]:
    """Return the bars by heading; raises DataError when a number is missing."""
    packages = results["packages-effort9"]
    most = len(EFFORT_TABLE) - 1
    found: dict[str, list[Bar]] = {
        f"Debian packages, effort {most}, with the model": [
            Bar(marked(name, packages), _number(cell), "most")
            for name, cell in packages.tables["packages"].column("saved").items()
        ]
    }
    by_target = found[f"Validation modules, effort {DEFAULT_EFFORT} (upper bar) and {most}, without the model"] = []
    for target, name in TARGETS.items():
        saved = results[name].tables["recipes"].column(TOTAL)
        for effort, kind in ((DEFAULT_EFFORT, "default"), (most, "most")):
            label = marked(target, results[name]) if kind == "default" else ""
            by_target.append(Bar(label, _number(saved[str(EFFORT_TABLE[effort])]), kind))
    return found


def _number(cell: Cell) -> float:
    if not isinstance(cell, float):
        raise DataError(f"{cell!r} is no fraction that can be drawn")
    return cell


def draw(results: Results) -> str:
    """Return the picture as SVG; raises DataError when a number is missing."""
    groups = bars(results)
    largest = max(bar.saved for group in groups.values() for bar in group)
    parts: list[str] = []
    y = 0
    for heading, group in groups.items():
        y += _HEAD
        parts.append(_text(0, y - 10, heading, "head"))
        for bar in group:
            if bar.name:
                y += _GAP // 2
                parts.append(_text(0, y + _BAR - 2, bar.name))
            width = _AXIS * bar.saved / largest
            parts.append(f'<rect class="{bar.kind}" x="{_NAMES}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>')
            parts.append(_text(_NAMES + width + 6, y + _BAR - 2, f"{100 * bar.saved:.2f} %"))
            y += _BAR + _GAP // 4
    if any(result.outdated for result in results.values()):
        y += _HEAD
        parts.append(_text(0, y - 10, f"{DAGGER} measured with an earlier version"))
    title = "Bytes of -Oz objects that clang-llm saves: allocated sections without .bss"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img">'
    return "\n".join([head, f"<title>{title}</title>", f"<style>\n{_STYLE}</style>", *parts, "</svg>", ""])


def _text(x: float, y: int, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.0f}" y="{y}">{escape(text)}</text>'
