"""What is known of a model's file beside what is in it: who wrote it, what training may have changed, its ledger."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spec_compiler.edits.freezing import normalizes
from spec_compiler.files.run_folder import SUMMARY
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import VariableSpec
from spec_compiler.graph.trainable import flags, layer_at
from spec_compiler.locking.provenance import Provenance, digest_of
from spec_compiler.reading import Damaged, said_of
from spec_compiler.reading.text import read_json
from spec_compiler.result import CompiledSpec
from spec_compiler.spec import Spec
from spec_compiler.training.unfreezing import stages_of_phase


@dataclass(frozen=True)
class Known:
    """What is known of a model's file beside what is in it.

    `is_untouched`: nothing has written it since it was built. `trains` are the layers that a phase of the spec trains,
    `outer/inner` in nested models, and `ledger` the checksums that a ledger of the file has.
    """

    is_untouched: bool
    trains: frozenset[str]
    ledger: Mapping[tuple[str, str], str]

    @classmethod
    def of(
        cls,
        file: str,
        spec: Spec,
        compiled: CompiledSpec,
        provenance: Provenance | None,
        ledger: str | os.PathLike[str] | None,
        trained: bool,
        notes: list[str],
    ) -> Known:
        """What is known of a file that is compared with a spec's result; what is worth saying of it goes to `notes`.

        Raises:
            SpecError: SC502 a ledger that is none.
        """
        after = compiled.plan.after
        trains = frozenset(name for name, can in flags(after).items() if can) if trained else _trained(spec, after)
        untouched = provenance is not None and provenance.made == "built"
        rows = _ledger(file, provenance, ledger, notes)
        if not untouched:
            notes += _of_run(file)
        return cls(untouched, trains, rows)

    def may_train(self, layer: str, variable: VariableSpec) -> bool:
        """Whether training may have changed a variable."""
        if self.is_untouched:
            return False
        inside = (each.removeprefix(f"{layer}/") for each in self.trains if each.startswith(f"{layer}/"))
        return layer in self.trains or any(variable.path.startswith(f"{each}/") for each in inside)


def _trained(spec: Spec, graph: Graph) -> frozenset[str]:
    """The layers that any phase trains, with all that changes in them while it does."""
    names: set[str] = set()
    for index in range(len(spec.train)):
        stage = stages_of_phase(spec, graph, index)[-1].graph
        can = [name for name, can in flags(stage).items() if can]
        names.update(each for each in can if not (graph.inference and normalizes(layer_at(stage, each).class_name)))
    return frozenset(names)


def _ledger(
    file: str, provenance: Provenance | None, path: str | os.PathLike[str] | None, notes: list[str]
) -> Mapping[tuple[str, str], str]:
    """The checksums in the ledger of a file, if there is one that is surely its own."""
    place = os.fspath(path) if path is not None else f"{os.path.splitext(file)[0]}.ledger.json"
    if path is None and (provenance is None or provenance.ledger is None or not os.path.isfile(place)):
        return {}
    name = os.path.basename(place)
    with said_of(place, "a ledger", "name the one that `build` wrote with the model"):
        data = read_json(place)
        with open(place, "rb") as stream:
            content = stream.read()
        if provenance is not None and provenance.ledger not in (None, digest_of(content)):
            notes.append(f"`{name}` is not the ledger that was written with the model, it was left aside")
            return {}
        rows = data.get("rows") if isinstance(data, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Damaged("it has no `rows`")
    return {
        (str(row.get("layer")), str(row.get("variable"))): str(row["result_checksum"])
        for row in rows
        if row.get("result_checksum") and row.get("action") != "dropped" and not row.get("is_state")
    }


def _of_run(file: str) -> Iterator[str]:
    """What the summary of a run says of a file in its folder."""
    summary = os.path.join(os.path.dirname(file), SUMMARY)
    try:
        said = read_json(summary)["checksums"][os.path.basename(file)]
    except (Damaged, KeyError, TypeError):
        return
    with open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    name = os.path.basename(file)
    if digest == said:
        yield f"`{name}` has the checksum that its run wrote into {SUMMARY}: nothing has changed it since"
    else:
        yield f"`{name}` has not the checksum that its run wrote into {SUMMARY}: something has changed it since"
