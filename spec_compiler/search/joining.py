"""The study of a sweep on its storage: the one that is there already, perhaps of another process, or a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spec_compiler.search.storage import open_storage
from spec_compiler.search.study import said_in, say_in
from spec_compiler.spec.sweep import Sweep
from spec_compiler.training.identity import Identity, check_same


@dataclass(frozen=True)
class Opened:
    """A storage of Optuna's, and the study in it that goes on, None where there is none.

    `name` is what the sweep is called among others, `said` what must be the same for it to go on.
    """

    optuna: Any
    storage: Any
    study: Any
    name: str
    said: Identity
    folder: str

    def joined(self, sweep: Sweep, epochs: int, largest: bool) -> Any:
        """The study, begun if there is none, with the sweep's pruner; `epochs` are those of a trial.

        Raises:
            SpecError: SC608 where another process began another sweep of this name at the same moment.
        """
        study = self.study
        if study is None:
            direction = "maximize" if largest else "minimize"
            study = self.optuna.create_study(
                study_name=self.name, storage=self.storage, direction=direction, load_if_exists=True
            )
            before = said_in(study)
            if before is None:
                say_in(study, self.said)
            else:  # another process began at the same moment
                check_same(before, self.said, 10**9, self.folder, of_a_sweep=True)
        study.pruner = _pruner(self.optuna, sweep, epochs)
        return study


def opened(optuna: Any, storage: str | None, name: str, said: Identity, folder: str, *, force: bool) -> Opened:
    """The storage, and the study in it that goes on; with `force` that is deleted.

    Raises:
        SpecError: SC608 where it cannot be used, or holds another sweep of this name.
    """
    at = open_storage(optuna, storage, folder)
    study = None
    names = optuna.study.get_all_study_names(at)
    if force and name in names:
        optuna.delete_study(study_name=name, storage=at)
    elif name in names:
        study = optuna.load_study(study_name=name, storage=at)
        before = said_in(study)
        if before is not None:
            check_same(before, said, 10**9, folder, of_a_sweep=True)
    return Opened(optuna, at, study, name, said, folder)


def _pruner(optuna: Any, sweep: Sweep, epochs: int) -> Any:
    pruners, asked = optuna.pruners, sweep.prune
    if asked is None:
        return pruners.NopPruner()
    arguments = dict(asked.arguments or {})
    if asked.name == "median":
        return pruners.MedianPruner(**arguments)
    return pruners.HyperbandPruner(**{"max_resource": epochs, **arguments})
