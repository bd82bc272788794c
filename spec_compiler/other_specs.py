"""A spec whose base is the result of another: which file that is, and that specs do not go round in a circle."""

from __future__ import annotations

import os

from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder
from spec_compiler.permissions import Permissions
from spec_compiler.spec import Spec, load_spec

Inside = tuple[str, ...]
"""The files of the specs that are being followed, the outermost first, each with its links resolved."""


def inside(spec: Spec) -> Inside:
    """A spec that nothing is around: its own file, if it was read from one."""
    return (os.path.realpath(spec.source.file),) if spec.source.file else ()


def other_spec(path: str, folder: Folder, allowed: Permissions, around: Inside) -> tuple[Spec, Inside]:
    """The spec in a file that the innermost of `around` starts from, and what is around its own base.

    `folder` is that of the spec which names it.

    Raises:
        SpecError: the spec's own mistakes, located in its file; SC304 where specs go round in a circle.
    """
    here = os.path.realpath(path)
    if here in around:
        chain = " → ".join(os.path.basename(each) for each in (*around, here))
        help = "let one of them start from an `application` or a `file`"
        raise SpecError.single("SC304", f"specs that are each other's base: {chain}", path=("spec",), help=help)
    return load_spec(_shown(path), allowed=allowed, inside=folder), (*around, here)


def _shown(path: str) -> str:
    """A path as messages say it: from the folder that the caller is in, if it is below that."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
