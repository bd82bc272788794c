"""What a run's folder says of the spec that it was trained by: its data, its loss, its seed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from spec_compiler.diagnostics import SpecError
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions, permitted
from spec_compiler.spec.spec import validate
from spec_compiler.text.source import Source
from spec_compiler.training.identity import data_of, from_json


def spec_of_run(state: Mapping[str, Any], run: str, allowed: Permissions, *, with_data: bool) -> Spec | None:
    """The sections that say with which loss a run's model was trained, and on what; None of an older version's run.

    The model itself is in its file.

    Raises:
        SpecError: SC112, SC510 for what they ask for that is not allowed.
    """
    said = data_of(from_json(state.get("said") or []))
    if "data" not in said or "compile" not in said:
        return None
    place = os.path.normpath(os.path.join(run, state.get("place") or os.curdir))
    needed = ("compile", "data", "seed") if with_data else ("compile",)
    data = {"spec": 1, **{key: said[key] for key in needed if key in said}}
    return validate(permitted(Source(data, "", os.path.join(place, "spec")), allowed))


def parts_of(spec: Spec) -> tuple[Literal["test", "validation"], ...]:
    """The parts of a run's data that it may be evaluated on, the first that there is: what tests it, what validates it.

    Of a table with `split` only its rows say whether something is for the test.

    Raises:
        SpecError: SC102 where there is neither.
    """
    assert spec.data is not None
    split = spec.data.split is not None
    parts: list[Literal["test", "validation"]] = ["test"] if spec.data.test is not None or split else []
    parts += ["validation"] if spec.data.validates else []
    if not parts:
        message = "the run's `data` has neither `test` nor `validation`"
        raise SpecError.single("SC102", message, help="name a folder with a folder for each class: `--data FOLDER`")
    return tuple(parts)
