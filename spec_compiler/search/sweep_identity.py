"""By what a sweep is known again: all that must be the same for it to go on."""

from __future__ import annotations

import hashlib

from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.swept import Point, at_point
from spec_compiler.training.folder import Folders
from spec_compiler.training.identity import Identity, digests, identity
from spec_compiler.training.sources import check_data

_FREE = ("trials", "timeout")  # keys of `sweep`: to raise them is to go on


def sweep_identity(spec: Spec, point: Point, allowed: Permissions) -> Identity:
    """What must be the same for a sweep to go on: the spec whatever its variables are, and the values to try."""
    at = at_point(spec, point, allowed)
    asked = {key: value for key, value in spec.source.data["sweep"].items() if key not in _FREE}
    epochs = {("train", index, "epochs"): phase.epochs for index, phase in enumerate(at.train)}
    numbers = {path: digests({"": count})[("",)] for path, count in epochs.items()}
    return identity(at, _data(at)) | digests({"sweep": asked}) | numbers


def _data(spec: Spec) -> str:
    """What trains and validates, as far as files say it; of data from functions nothing is known."""
    source = check_data(spec, None)
    data, folder = spec.data, spec.source.folder
    assert data is not None
    if isinstance(source, Folders):
        parts = [each for each in (source.train, source.validation) if each is not None]
        return "\n".join(file.removeprefix(each.path) for each in parts for file in each.files)
    if data.is_code:
        return str(data.train)
    digests = []
    for name in (data.train, data.validation):
        if isinstance(name, str):
            with open(folder.file(name, "data file"), "rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return " ".join(digests)
