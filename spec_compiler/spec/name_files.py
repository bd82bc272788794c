"""The files of names and of adapters of which a spec says, read before the edits are applied, as those read nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spec_compiler.diagnostics import Diagnostic, SpecError, collected
from spec_compiler.edits.lora import Lora
from spec_compiler.files import gone, vocabulary
from spec_compiler.files.regular import Left
from spec_compiler.spec import Spec
from spec_compiler.spec.file_places import LORA, asked_in, has_lists, is_names, plain_place

if TYPE_CHECKING:
    from spec_compiler.reading.lora_file import LoraFile


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


def read_adapters(spec: Spec) -> Mapping[str, LoraFile]:
    """For each file of adapters that `lora` names, what is in it.

    Raises:
        SpecError: SC501, SC502, SC510, SC514 for each that cannot be read.
    """
    if not any(isinstance(edit, Lora) and edit.weights is not None for _, edit in spec.edits()):
        return {}
    from spec_compiler.reading.lora_file import MAX_BYTES, parsed_lora, said  # imports NumPy

    files: dict[str, LoraFile] = {}
    problems: list[Diagnostic] = []
    for asked in asked_in(spec.source.data):
        if plain_place(asked.path) != LORA or asked.name in files:
            continue
        with collected(problems, *asked.path):
            path = spec.source.folder.find(asked.name, "file of adapters")
            try:
                with spec.source.folder.open(path) as stream:
                    data = stream.read(MAX_BYTES + 1)
            except Left:
                raise gone(asked.name) from None
            except OSError as error:
                message = f"no file of adapters `{asked.name}`: {error.strerror or error}"
                raise SpecError.single("SC501", message) from None
            with said(asked.name):
                files[asked.name] = parsed_lora(asked.name.rpartition("/")[2], data)
    if problems:
        raise SpecError(problems)
    return files
