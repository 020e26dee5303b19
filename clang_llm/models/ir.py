"""A module as text for large models: from bitcode, and cut into functions where the whole is too long.

A function's module holds what `llvm-extract` would leave with it: the function, declarations of what it calls, the
constants that it names with their values, other variables as declarations, and the types, attributes and metadata of
all that. Aliases are replaced by what they stand for. LLVM's printed text has one definition a line (functions aside),
which is all that the cutting relies on; whether the outcome is a module is asked of LLVM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clang_llm.system.errors import BackendError

#: What refers to a definition (symbol, type, comdat, metadata, attributes), or a string, which refers to nothing.
_REFERENCE = re.compile(r'[@%$!#]"[^"]*"|"[^"]*"|[@%$!#][-\w$.]+')
_DEFINED = re.compile(r'([@%$]"[^"]*"|[@%$!][-\w$.]+) = ')
_ATTRIBUTES = re.compile(r"attributes (#\d+) = ")
_FUNCTION = re.compile(r'(?:define|declare) [^@]*(@"[^"]*"|@[-\w$.]+)\(')
_ALIAS = re.compile(r'(@"[^"]*"|@[-\w$.]+) = [^"]*?\balias .*, ptr (@"[^"]*"|@[-\w$.]+)(?:, partition .*)?')
_VARIABLE = re.compile(r"((?:[\w()-]+ )*)(global|constant) ")
#: What llvmlite calls a module that was read from text.
_UNNAMED = re.compile(r"^; ModuleID = '<string>'\nsource_filename = \"<string>\"\n")
_BRACKETS = {"[": "]", "{": "}", "<": ">", "(": ")"}
#: What the declaration of a definition does not have.
_LINKAGE = frozenset(
    {"private", "internal", "available_externally", "linkonce", "linkonce_odr", "weak", "weak_odr", "common"}
    | {"appending", "external", "extern_weak", "dso_local", "hidden", "protected", "dllexport", "dllimport"}
)
#: What a definition becomes when nothing else of its module is left, so that it is not dropped as unused.
_KEPT = {"private ": "", "internal ": "", "linkonce ": "weak ", "linkonce_odr ": "weak_odr "}


def text_of(bitcode: bytes) -> str:
    """Return a module as text.

    Raises:
        BackendError: llvmlite's LLVM cannot read it.
        ImportError: llvmlite is not installed.
    """
    from llvmlite import binding

    try:
        with binding.parse_bitcode(bitcode, binding.create_context()) as module:
            return str(module)
    except RuntimeError as error:
        version = ".".join(map(str, binding.llvm_version_info))
        raise BackendError(
            f"llvmlite (LLVM {version}) cannot read the bitcode: {str(error).strip()[:200]}; install a newer llvmlite"
        ) from error


def normalised(text: str) -> str | None:
    """Return a module's text as LLVM prints it, or None when it is no module.

    Raises:
        ImportError: llvmlite is not installed.
    """
    from llvmlite import binding

    try:
        with binding.parse_assembly(text, binding.create_context()) as module:
            return _UNNAMED.sub("", str(module))
    except RuntimeError:
        return None


def function_modules(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and module of every defined function, in the module's order.

    Args:
        text: A module as LLVM prints it.
    """
    pieces = _Pieces.of(text)
    for symbol in pieces.bodies:
        yield symbol[1:].strip('"'), pieces.module_of(symbol)


@dataclass
class _Pieces:
    """A module's text, definition by definition.

    Attributes:
        header: Target and data layout.
        lines: By name (with its sigil): types, comdats, variables, declarations of functions, attributes, metadata.
        bodies: By symbol: text of each defined function.
        named: Named metadata, such as module flags.
    """

    header: list[str] = field(default_factory=list)
    lines: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> _Pieces:
        """Take a module's text apart."""
        pieces = cls()
        aliases = _aliases(text)
        lines = iter(_without(text, aliases).splitlines() if aliases else text.splitlines())
        for line in lines:
            function = _FUNCTION.match(line)
            attributes = _ATTRIBUTES.match(line)
            defined = attributes or _DEFINED.match(line)
            if function and line.startswith("define"):
                body = [line]
                while body[-1] != "}":
                    body.append(next(lines, "}"))
                pieces.bodies[function[1]] = "\n".join(body)
                pieces.lines[function[1]] = _declaration(line, function.end() - 1)
            elif function:
                pieces.lines[function[1]] = line
            elif defined and line.startswith("!") and not defined[1][1:].isdigit():
                pieces.named.append(line)
            elif defined:
                pieces.lines[defined[1]] = _external(line) if line.startswith("@") else line
            elif line.startswith("target "):
                pieces.header.append(line)
        return pieces

    def module_of(self, symbol: str) -> str:
        """Return the module of one function."""
        body = self.bodies[symbol]
        first, newline, rest = body.partition("\n")
        for old, new in _KEPT.items():
            if first.startswith(f"define {old}"):
                first = first.replace(old, new, 1)
        body = first + newline + rest
        needed = self._needed(symbol, "\n".join([body, *self.named]))
        kinds = {
            kind: [self.lines[each] for each in self.lines if each in needed and each[0] == kind] for kind in "%$@#!"
        }
        parts = [self.header, kinds["%"], kinds["$"], kinds["@"], [body], kinds["#"], self.named, kinds["!"]]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def _needed(self, symbol: str, text: str) -> set[str]:
        """Return the names of everything that a function's text refers to, directly or not, itself left out."""
        needed: set[str] = set()
        waiting = [(symbol, text)]
        while waiting:
            name, text = waiting.pop()
            found = set(_REFERENCE.findall(text))
            if " comdat" in text:
                found.add("$" + name[1:])
            for each in found - needed - {symbol}:
                if each in self.lines:
                    needed.add(each)
                    waiting.append((each, self.lines[each]))
        return needed


def _aliases(text: str) -> dict[str, str]:
    """Return what each alias stands for, where that is a symbol."""
    found = {match[1]: match[2] for match in (_ALIAS.fullmatch(line) for line in text.splitlines()) if match}
    for name in found:
        seen = {name}
        while found[name] in found and found[name] not in seen:
            seen.add(found[name])
            found[name] = found[found[name]]
    return found


def _without(text: str, aliases: Mapping[str, str]) -> str:
    lines = (line for line in text.splitlines() if not _ALIAS.fullmatch(line))
    return "\n".join(_REFERENCE.sub(lambda match: aliases.get(match[0], match[0]), line) for line in lines)


def _declaration(line: str, opening: int) -> str:
    """Turn the first line of a definition into a declaration.

    Args:
        line: ``define … @name(…) … {``.
        opening: Place of the parenthesis after the name.
    """
    name = line.index("@")
    words = [word for word in line[len("define ") : name].split() if word not in _LINKAGE]
    closing = _end_of_bracket(line, opening)
    tail = re.findall(r" (?:(?:local_)?unnamed_addr|addrspace\(\d+\)|#\d+)(?= )", line[closing:])
    return f"declare {' '.join(words)} {line[name:closing]}{''.join(tail)}"


def _external(line: str) -> str:
    """Return a variable without its value, unless that is constant and thereby known to what reads it."""
    name, _, rest = line.partition(" = ")
    match = _VARIABLE.match(rest)
    if match is None or match[2] == "constant" or match[1].startswith(("external ", "extern_weak ")):
        return line
    words = [word for word in match[1].split() if word not in _LINKAGE]
    start = match.end()
    kept = " ".join(["external", *words, "global"])
    align = re.search(r", align \d+$", rest)
    return f"{name} = {kept} {rest[start : _end_of_type(rest, start)]}{align[0] if align else ''}"


def _end_of_type(text: str, start: int) -> int:
    """Return where a type ends that begins at a place."""
    if text[start] in _BRACKETS:
        return _end_of_bracket(text, start)
    match = re.compile(r'%"[^"]*"|ptr addrspace\(\d+\)|[^\s,]+').match(text, start)
    return match.end() if match else start


def _end_of_bracket(text: str, start: int) -> int:
    """Return the place after the bracket that closes the one at a place; the text's end when none does."""
    depth = 0
    for match in re.compile(r'"[^"]*"|[][(){}<>]').finditer(text, start):
        depth += 1 if match[0] in _BRACKETS else -1 if match[0] in _BRACKETS.values() else 0
        if depth == 0 and match[0] in _BRACKETS.values():
            return match.end()
    return len(text)
