"""The files of names of which a spec says, read before the edits are applied, as those read nothing."""

from __future__ import annotations

from collections.abc import Mapping

from spec_compiler.diagnostics import Diagnostic, SpecError, collected
from spec_compiler.files import vocabulary
from spec_compiler.spec import Spec
from spec_compiler.spec.file_places import asked_in, has_lists, is_names


def read_names(spec: Spec) -> Mapping[str, tuple[str, ...]]:
    """For each file of names that the spec's `weights` say, what is in it.

    Raises:
        SpecError: SC501, SC502, SC510 for each that cannot be read.
    """
    names: dict[str, tuple[str, ...]] = {}
    problems: list[Diagnostic] = []
    for asked in asked_in(spec.source.data) if has_lists(spec.source.data) else ():
        if is_names(asked.path) and asked.name not in names:
            with collected(problems, *asked.path):
                names[asked.name] = vocabulary.read_names(asked.name, spec.source.folder)
    if problems:
        raise SpecError(problems)
    return names
