"""A spec whose base is the result of another: each file is followed once, not in a circle, and not without end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from spec_compiler.diagnostics import SpecError, under
from spec_compiler.files import Folder
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.permissions import Permissions
from spec_compiler.text.imports import shown

MAX_DEPTH = 16  # specs that start from each other's results
MAX_SPECS = 100  # that are followed from one
MAX_BASES = 64  # of one of them, counted where nothing is a spec any more: two that join two are four
Made = TypeVar("Made")

Tier = Literal["fields", "names", "shapes", "files"]
"""How far a check went; each step has those before it.

`fields`: YAML, sections, values, layers' arguments. `names`: what every name in the spec means, and the graph that the
edits make. `shapes`: that every layer fits. `files`: that the weights are there and fit.
"""


@dataclass
class Reached:
    """The tier that a check is in, kept by those who do the checking: an error ends it there."""

    tier: Tier = "fields"

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Stays as it is, whatever is tried inside."""
        tier = self.tier
        try:
            yield
        finally:
            self.tier = tier


@dataclass(frozen=True)
class Inside:
    """Where a spec is followed: inside of which others, and what was made of those that were followed before.

    `files` are those that are being followed, the outermost first, each with its links resolved. `made` is shared by
    all that are followed from one spec: by the path of each file, under which its own paths start. So is `reached`.
    """

    files: tuple[str, ...] = ()
    made: dict[str, Any] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)
    reached: Reached = field(default_factory=Reached)

    def results(self) -> Iterator[Any]:
        """What was made of the specs that were followed to their end."""
        return (result for result in self.made.values() if not isinstance(result, SpecError))


def inside(spec: Spec, reached: Reached | None = None) -> Inside:
    """Where a spec is followed that the caller asks for: inside of its own file alone, if it was read from one."""
    files = (os.path.realpath(spec.source.file),) if spec.source.file else ()
    return Inside(files, reached=reached or Reached())


def followed(
    name: str, folder: Folder, allowed: Permissions, around: Inside, make: Callable[[Spec, Inside], Made]
) -> Made:
    """What `make` makes of the spec in a file, once for each file: of several bases that start from it as well.

    `folder` is that of the spec which names it.

    Raises:
        SpecError: SC501 there is no such file; the spec's own mistakes, located in its file; SC304 where specs go round
            in a circle, SC005 where they are too many, or each other's base too often.
    """
    with under("spec"):
        path = folder.find(name, "spec file")
    here = os.path.realpath(path)
    if here in around.files:
        chain = " → ".join(os.path.basename(each) for each in (*around.files, here))
        help = "let one of them start from an `application` or a `file`"
        raise SpecError.single("SC304", f"specs that are each other's base: {chain}", path=("spec",), help=help)
    if len(around.files) >= MAX_DEPTH:
        message = f"{MAX_DEPTH} specs that start from one another, here is one more"
        help = "build one of them, and let the next start from the `file`"
        raise SpecError.single("SC005", message, path=("spec",), help=help)
    # By the path that names it, not by what its links lead to: its own relative paths start from there.
    place = os.path.abspath(path)
    if place not in around.made:
        if len(around.made) >= MAX_SPECS:
            message = f"more than {MAX_SPECS} specs are followed from one"
            raise SpecError.single("SC005", message, path=("spec",), help="build some of them, and name the `file`s")
        try:
            other = load_spec(shown(path), allowed=allowed, inside=folder)
            around.made[place] = make(other, replace(around, files=(*around.files, here)))
            around.bases[place] = _num_bases(other, around)
        except SpecError as error:
            around.made[place] = error
            raise
    result: Any = around.made[place]
    if isinstance(result, SpecError):
        raise SpecError(result.diagnostics)  # a new one: raised again, the old one would gather tracebacks
    return result  # type: ignore[no-any-return]


def _num_bases(spec: Spec, around: Inside) -> int:
    """How many bases flow into a spec, those of the specs that it starts from in their place."""
    bases = [spec.base, *(spec.bases or {}).values()]
    paths = [os.path.abspath(spec.source.folder.place(each.spec)) for each in bases if each and each.spec]
    count = sum(around.bases.get(path, 1) for path in paths) + sum(1 for each in bases if each and not each.spec)
    if count > MAX_BASES:
        message = f"{count} bases flow into this spec, {MAX_BASES} are the most"
        raise spec.source.located(SpecError.single("SC005", message, path=("bases",), at_key=True))
    return count
