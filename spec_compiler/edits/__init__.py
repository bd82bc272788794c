"""The sections of the language that edit, in the order in which they are applied.

Whatever lists them reads `SECTIONS`: the fields of `Spec`, the JSON Schema, messages, the gate for code and files.
"""

from __future__ import annotations

from spec_compiler.diagnostics import Path, dotted
from spec_compiler.edits.cut import CutAt
from spec_compiler.edits.dtype import Dtype
from spec_compiler.edits.edit import Edit
from spec_compiler.edits.fold import Fold
from spec_compiler.edits.freeze import Freeze
from spec_compiler.edits.head import Head
from spec_compiler.edits.input import Input
from spec_compiler.edits.inputs import Inputs
from spec_compiler.edits.insert import Insert
from spec_compiler.edits.lora import Lora
from spec_compiler.edits.outputs import Outputs
from spec_compiler.edits.prune import Prune
from spec_compiler.edits.remove import Remove
from spec_compiler.edits.rename import Rename
from spec_compiler.edits.replace import Replace
from spec_compiler.edits.set import Set
from spec_compiler.edits.start import StartAt
from spec_compiler.edits.unfreeze import Unfreeze
from spec_compiler.edits.widen import Widen
from spec_compiler.language.places import in_section, section_place

SECTIONS: tuple[type[Edit], ...] = (
    StartAt,
    Input,
    Inputs,
    CutAt,
    Remove,
    Replace,
    Insert,
    Set,
    Head,
    Rename,
    Outputs,
    Prune,
    Widen,
    Fold,
    Dtype,
    Lora,
    Freeze,
    Unfreeze,
)
EDITS = tuple(section.key for section in SECTIONS)
__all__ = ["EDITS", "SECTIONS", "Edit", "entry_name"]


def entry_name(path: Path) -> str:
    """The edit that something in a spec belongs to, as users count: `replace[0]`, but `head` as a whole.

    >>> entry_name(("replace", 0, "with", 1)), entry_name(("head", 2))
    ('replace[0]', 'head')
    >>> entry_name(("input", "preprocess")), entry_name(("input", "shape"))
    ('input.preprocess', 'input')
    >>> entry_name(("steps", 2, "replace", 0, "with", 1))
    'steps[2].replace[0]'
    """
    place, below = section_place(path), in_section(path)[1:]
    section = next((each for each in SECTIONS if place[-1:] == (each.key,)), None)
    is_entry = section is not None and below and (section.is_list or below[0] in section.parts)
    return dotted((*place, below[0]) if is_entry else place)
