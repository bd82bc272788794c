"""What a run has to do: a model, its phases, the data, and where the results go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.files import HERE, Folder
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.phase import Phase
from spec_compiler.training.groups import Grouping
from spec_compiler.training.identity import Identity
from spec_compiler.training.measure import Measure
from spec_compiler.training.phase_fit import PhaseFit
from spec_compiler.training.unfreezing import Stage
from spec_compiler.training.watcher import Watcher


@dataclass(frozen=True)
class Job:
    """All that the phases need: the model, which layers train in each phase, the data, and where the results go.

    `stages` holds, for each phase, the model's graph with what trains in it from which epoch on, `fits` what `fit` is
    given; `measure` is what the best epoch goes by, `grouping` which variables learn how fast. `said` tells runs of
    another spec or other data apart. `data` and `validation` are what `fit` takes; modules in `code_folder` are the
    user's own.
    """

    model: Any
    phases: tuple[Phase, ...]
    compile: Compile
    stages: tuple[tuple[Stage, ...], ...]
    fits: tuple[PhaseFit, ...]
    measure: Measure
    data: Any
    validation: Any
    folder: str
    grouping: Grouping | None = None
    resume_from: str = ""
    code_folder: Folder = HERE
    seed: int = 0
    said: Identity = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    class_weight: Mapping[int, float] | None = None
    tensorboard: bool = True
    begins: Callable[[], None] = field(default=lambda: None)
    watcher: Watcher = field(default_factory=Watcher)
    synchronize: Callable[[Any], None] = field(default=lambda model: None)
    adapters: Callable[[Any], bytes] | None = None  # what a file of adapters holds of a model with LoRA
    beside: Mapping[str, bytes] = field(default_factory=dict)  # members of every saved model

    def marks(self) -> dict[str, Any]:
        """What every saved model says of the run: what the classes are called, and how images were read."""
        return {"class_names": list(self.class_names), "images": dict(self.images)}

    def place(self) -> str | None:
        """The folder that the names in the spec start from, as the run's folder leads there."""
        try:
            return os.path.relpath(self.code_folder.path or os.curdir, self.folder)
        except ValueError:  # another drive
            return os.path.abspath(self.code_folder.path)
