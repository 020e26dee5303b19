"""Treemaps as SVG: areas are bytes, in boxes of their directories, sliced by what the bytes are.

Rectangles are laid out as squares as nearly as possible: "Squarified Treemaps", Bruls, Huizing, van Wijk, 2000.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from clang_llm.report.words import clean, number, share
from clang_llm.system.objects import PARTS, Parts

#: Size of a map in its own units, which are about pixels; room for a directory's name, and between boxes.
WIDTH, HEIGHT, HEAD, GAP = 1000.0, 380.0, 15.0, 2.0
#: Tiles of one map; smaller files of a directory are one tile.
TILES = 250
# Units of a letter, of a line, and of the narrowest tile that gets a name.
_LETTER, _LINE, _NARROWEST = 6.3, 13.0, 44.0


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    def inner(self, head: float) -> Box:
        """Return the room inside, below a head."""
        return Box(self.x + GAP, self.y + head, max(0.0, self.width - 2 * GAP), max(0.0, self.height - head - GAP))


class Tile(NamedTuple):
    """A file, or several small ones: its bytes by what they are."""

    name: str
    bytes: int
    parts: Parts | None


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """Return a rectangle for each size, in proportion, filling a box; the largest should come first."""
    found: list[Box] = []
    scale = box.width * box.height / sum(sizes) if sizes else 0.0
    areas = [size * scale for size in sizes]
    row: list[float] = []
    while areas:
        side = min(box.width, box.height)
        if not row or _worst([*row, areas[0]], side) <= _worst(row, side):
            row.append(areas.pop(0))
            continue
        boxes, box = _lay(row, box)
        found += boxes
        row = []
    return found + (_lay(row, box)[0] if row else [])


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest ratio of two sides in a row of areas."""
    total = sum(row)
    if not total or not side:
        return float("inf")
    return max(side * side * max(row) / (total * total), total * total / (side * side * min(row)))


def _lay(row: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """Lay a row along the shorter side; returns its boxes and what is left."""
    total = sum(row)
    found, wide = [], box.width >= box.height
    side = box.height if wide else box.width
    # Beside a size of 2**63 nothing is left for the others.
    depth = total / side if side else 0.0
    place = box.y if wide else box.x
    for area in row:
        length = area / depth if depth else 0.0
        found.append(Box(box.x, place, depth, length) if wide else Box(place, box.y, length, depth))
        place += length
    left = box._replace(x=box.x + depth, width=max(0.0, box.width - depth))
    below = box._replace(y=box.y + depth, height=max(0.0, box.height - depth))
    return found, left if wide else below


def svg(tiles: Iterable[Tile], label: str, what: str) -> str:
    """Return a treemap.

    Args:
        tiles: What is shown; those of no bytes are left out.
        label: What the map shows, for who cannot see it.
        what: What its bytes are, for the text of a tile, such as ``bytes saved``.
    """
    shown = sorted((each for each in tiles if each.bytes > 0), key=lambda each: (-each.bytes, each.name))
    total = sum(each.bytes for each in shown)
    groups = _groups(shown)
    drawn: list[str] = []
    several = len(groups) > 1
    sizes = [sum(each.bytes for each in group) for _, group in groups]
    for (directory, group), box in zip(groups, squarify(sizes, Box(0, 0, WIDTH, HEIGHT)), strict=True):
        head = HEAD if several and box.height > 3 * HEAD and box.width > _NARROWEST else GAP
        if several:
            drawn.append(_directory(directory, box, head > GAP))
        inner = box.inner(head) if several else box
        places = squarify([each.bytes for each in group], inner)
        for each, place in zip(group, places, strict=True):
            drawn += _tile(each, place, f"{number(each.bytes)} {what}, {share(each.bytes, total)}", several)
    size = f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}"'
    return f'<svg class="map" {size} role="img" aria-label="{html.escape(label)}">{"".join(drawn)}</svg>'


def _groups(shown: Sequence[Tile]) -> list[tuple[str, list[Tile]]]:
    """Return directories with their tiles, the largest first; what is beyond `TILES` is one tile in its directory."""
    groups: dict[str, list[Tile]] = {}
    rest: dict[str, list[Tile]] = {}
    for place, each in enumerate(shown):
        directory = str(PurePosixPath(each.name).parent)
        (groups if place < TILES else rest).setdefault(directory, []).append(each)
    for directory, some in rest.items():
        parts = sum((each.parts for each in some if each.parts), Parts())
        name = f"{number(len(some))} smaller ones"
        together = Tile(str(PurePosixPath(directory, name)), sum(each.bytes for each in some), parts)
        groups.setdefault(directory, []).append(together)
    return sorted(groups.items(), key=lambda pair: -sum(each.bytes for each in pair[1]))


def _directory(name: str, box: Box, named: bool) -> str:
    text = _text(name, box.x + 4, box.y + 11, box.width - 8, "d") if named else ""
    return f'<rect class="dir" {_place(box)}/>{text}'


def _tile(each: Tile, box: Box, said: str, several: bool) -> Iterator[str]:
    name = PurePosixPath(each.name).name if several else each.name
    yield f"<g><title>{html.escape(clean(each.name)[-200:])}\n{html.escape(said)}</title>"
    yield from _slices(each, box)
    yield f'<rect class="tile" {_place(box)}/>'
    if box.width > _NARROWEST and box.height > _LINE + 3:
        yield _text(name, box.x + 4, box.y + _LINE, box.width - 8, "")
        if box.height > 2 * _LINE + 4:
            yield _text(number(each.bytes), box.x + 4, box.y + 2 * _LINE, box.width - 8, "n")
    yield "</g>"


def _slices(each: Tile, box: Box) -> Iterator[str]:
    """Yield a slice for each part, along the longer side of the tile."""
    parts = [max(0, size) for size in each.parts.listed()] if each.parts else []
    if not sum(parts):
        yield f'<rect class="part" {_place(box)}/>'
        return
    done = 0
    for name, size in zip(PARTS, parts, strict=True):
        begin, length = done / sum(parts), size / sum(parts)
        done += size
        if box.width >= box.height:
            piece = box._replace(x=box.x + begin * box.width, width=length * box.width)
        else:
            piece = box._replace(y=box.y + begin * box.height, height=length * box.height)
        if piece.width >= 0.3 and piece.height >= 0.3:
            yield f'<rect class="{name}" {_place(piece)}/>'


def _place(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _text(text: str, x: float, y: float, room: float, kind: str) -> str:
    most = int(room / _LETTER)
    name = clean(text)
    if len(name) > most:
        name = f"{name[: most - 1]}…" if most > 3 else ""
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{x:.1f}" y="{y:.1f}">{html.escape(name)}</text>' if name else ""
