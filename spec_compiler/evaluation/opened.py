"""A model opened to be evaluated, compiled as it was trained, with what its file and its run say of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spec_compiler.evaluation.runs import spec_of_run
from spec_compiler.evaluation.targets import Target
from spec_compiler.files.run_folder import LAST
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions

if TYPE_CHECKING:
    from spec_compiler.backend.training.evaluating import Ready


class Opened:
    """The model of a target with what is known of it."""

    def __init__(self, ready: Ready, shown: str, marks: Mapping[str, Any], spec: Spec | None, allowed: Permissions):
        self.ready, self.shown, self.marks, self.spec, self.allowed = ready, shown, marks, spec, allowed

    @classmethod
    def of(cls, target: Any, files: Target | None, allowed: Permissions, *, of_the_run: bool) -> Opened:
        from spec_compiler.backend.inference import load_saved  # imports Keras
        from spec_compiler.backend.training import checkpoints, evaluating

        if files is None:
            return cls(evaluating.ready_in_memory(target), getattr(target, "name", "the model"), {}, None, allowed)
        spec = None
        if files.run is not None and (last := checkpoints.read_state(os.path.join(files.run, LAST))) is not None:
            spec = spec_of_run(last[0], files.run, allowed, with_data=of_the_run)
        if spec is not None:
            return opened_by_spec(files.model, spec, allowed)
        ready = evaluating.ready_as_saved(load_saved(files.model, allowed.code), files.model)
        return cls(ready, files.model, checkpoints.marks(files.model), None, allowed)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What the model's file says that its classes are called."""
        return tuple(self.marks.get("class_names", ())) or None


def opened_by_spec(path: str, spec: Spec, allowed: Permissions) -> Opened:
    """The saved model of a run, compiled as the spec of the run says.

    Raises:
        SpecError: SC112, SC502.
    """
    from spec_compiler.backend.inference import load_saved  # imports Keras
    from spec_compiler.backend.training import checkpoints, evaluating

    model = load_saved(path, allowed.code, [spec.source.folder.path])
    return Opened(evaluating.ready_of_spec(model, spec), path, checkpoints.marks(path), spec, allowed)
