"""The spec that a model's file says it comes from, and where the files that it names are now."""

from __future__ import annotations

import os

from spec_compiler.diagnostics import SpecError
from spec_compiler.language.base import Base
from spec_compiler.locking.differences import of_files, of_values
from spec_compiler.locking.gathered import OF_KERAS, gathered, kept_by_keras
from spec_compiler.locking.lock_file import Lock, said_by
from spec_compiler.locking.provenance import Provenance
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.permissions import Permissions


def spec_of(model: str, provenance: Provenance | None, allowed: Permissions, notes: list[str]) -> Spec:
    """The spec in a model's file; the files that it names are looked for where the caller is, then beside the model.

    Raises:
        SpecError: SC518 it has none.
    """
    if provenance is None:
        message = f"`{model}` does not say which spec made it"
        help = f"name it: `spec-compiler verify {model} spec.yaml`"
        raise SpecError.single("SC518", message, help=help)
    places = dict.fromkeys((os.getcwd(), os.path.dirname(os.path.abspath(model))))
    specs = [_loaded(provenance, place, allowed) for place in places]
    differing = {index: _differing(each, provenance.lock, allowed) for index, each in enumerate(specs)}
    best = min(differing, key=lambda index: len(differing[index]))
    notes.append(f"the spec is that which `{os.path.basename(model)}` was made with, `{provenance.spec}`")
    notes += differing[best]
    return specs[best]


def _loaded(provenance: Provenance, place: str, allowed: Permissions) -> Spec:
    text = provenance.text if "\n" in provenance.text else f"{provenance.text}\n"
    file = os.path.relpath(os.path.join(place, provenance.spec))
    return load_spec(text, overrides=provenance.overrides, file=file, allowed=allowed, policy=provenance.policy)


def _differing(spec: Spec, lock: Lock, allowed: Permissions) -> list[str]:
    """Which of the files that a spec names are not as the lock in the model has them, or not there."""

    def download(base: Base, at: str) -> str | None:
        known = (name for name, each in lock.files.items() if each.at == at and name.startswith(OF_KERAS))
        return next(map(kept_by_keras, known), None)

    was = {name: each for name, each in lock.files.items() if each.kind not in ("data", "policy")}
    try:
        now = gathered(spec, allowed, download, data=False)
    except SpecError as error:
        return [each.message for each in error.diagnostics]
    now = {name: each for name, each in now.items() if each.kind != "policy"}
    return [each.message for each in of_files(was, now, "the lock in the model", "")]


def differing_spec(spec: Spec, provenance: Provenance | None) -> list[str]:
    """What a spec says otherwise than the one that the model was made with."""
    if provenance is None:
        return []
    found = of_values(provenance.lock.says, said_by(spec), (), "the spec that the model was made with", "")
    return [each.message for each in found]
