"""Whether `sweep` varies variables that the spec has and uses; found in its data, before variables are filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec_compiler.diagnostics import Diagnostic, Path, SpecError, did_you_mean, quoted
from spec_compiler.text.source import Source, key_text, texts_in
from spec_compiler.text.variables import uses_in

SECTION = "sweep"


def check_swept(source: Source) -> None:
    """Proves that every variable of `sweep` is one of `vars`, and that something uses it.

    `source` is the spec as it is written, with what it imports.

    Raises:
        SpecError: SC110 an unknown one, SC312 one that nothing uses; located.
    """
    data = source.data
    swept = data.get(SECTION) if isinstance(data, Mapping) else None
    names = swept.get("vars") if isinstance(swept, Mapping) else None
    own = data.get("vars") or {} if isinstance(data, Mapping) else None
    if not isinstance(names, Mapping) or not isinstance(own, Mapping):  # which is told elsewhere
        return
    known = [key_text(each) for each in own]
    used = _used(data)
    problems = []
    for name in map(key_text, names):
        path: Path = (SECTION, "vars", name)
        if name not in known:
            otherwise = f"its variables are {quoted(known)}" if known else f"add `vars: {{{name}: …}}`, and use it"
            message = f"there is no variable `{name}`"
            problems.append(Diagnostic("SC110", message, path, at_key=True, help=did_you_mean(name, known, otherwise)))
        elif name not in used:
            message = f"nothing uses the variable `{name}`, every trial of it would be the same"
            help = "write `${" + name + "}` where it belongs, or remove it here"
            problems.append(Diagnostic("SC312", message, path, at_key=True, help=help))
    if problems:
        raise source.located(SpecError(problems))


def _used(data: Mapping[str, Any]) -> set[str]:
    """The variables that something in the spec uses, be it through another variable."""
    own = {key_text(key): value for key, value in (data.get("vars") or {}).items()}
    others = {key: value for key, value in data.items() if key not in ("vars", "blocks", SECTION)}
    todo = [*_uses(others), *_uses_in_blocks(data.get("blocks"))]
    used: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in used:
            used.add(name)
            todo += _uses(own.get(name))
    return used


def _uses(data: Any) -> Iterator[str]:
    return (name for text in texts_in(data) for name in uses_in(text))


def _uses_in_blocks(blocks: Any) -> Iterator[str]:
    """Those of blocks: a parameter of the same name is none of the spec's."""
    for block in blocks.values() if isinstance(blocks, Mapping) else ():
        parameters = block.get("vars") if isinstance(block, Mapping) else None
        names = set(map(key_text, parameters)) if isinstance(parameters, Mapping) else set()
        yield from (name for name in _uses(block) if name not in names)
