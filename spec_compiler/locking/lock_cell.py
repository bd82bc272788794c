"""A lock in a cell of a notebook: what a spec depends on, with what, and what it makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, cards, element, folded, heading, table

if TYPE_CHECKING:
    from spec_compiler.locking.gathered import Dependency
    from spec_compiler.locking.lock_file import Lock


def shown(lock: Lock) -> Iterator[Markup]:
    """The whole lock, the digests of the layers folded away."""
    yield heading("Lock", element("span", f"of {lock.spec}"))
    yield cards((name, version, "") for name, version in lock.versions.items())
    if lock.files:
        rows = [(element("code", name), *_row(each)) for name, each in lock.files.items()]
        yield table(("depends on", "asked for by", "bytes", "SHA-256, or version"), rows, numbers=(2,))
    layers = lock.result["layers"]
    digests = [(element("code", name), element("code", digest[:16])) for name, digest in layers.items()]
    yield folded(f"{len(layers)} layers of the result, with digests", table(("layer", "digest"), digests))


def _row(each: Dependency) -> tuple[object, ...]:
    count = "" if each.num_bytes is None else f"{each.num_bytes:,}"
    digest = element("code", each.sha256[:16]) if each.sha256 else each.version or "not downloaded yet"
    return element("code", each.at), count, digest
