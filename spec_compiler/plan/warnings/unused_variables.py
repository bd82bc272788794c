"""SC111: variables and blocks that nothing in the spec uses."""

from __future__ import annotations

from collections.abc import Iterator

from spec_compiler.diagnostics import Diagnostic, did_you_mean
from spec_compiler.spec import Spec


def unused_variables(spec: Spec) -> Iterator[Diagnostic]:
    """One warning for each variable, then for each block."""
    source = spec.source
    for name in source.unused:
        help = "remove it, or write `${" + name + "}` where it belongs"
        place = ("vars", name)
        if place in source.assigned and place not in source.keys:  # only `--set` says it: a slip there
            written = [path[1] for path in source.keys if len(path) == 2 and path[0] == "vars"]
            help = did_you_mean(name, map(str, written)) or help
        yield Diagnostic("SC111", f"nothing uses the variable `{name}`", place, at_key=True, help=help)
    for name in source.unused_blocks:
        help = f"remove it, or write `{name}: {{…}}` as an entry"
        yield Diagnostic("SC111", f"nothing uses the block `{name}`", ("blocks", name), at_key=True, help=help)
