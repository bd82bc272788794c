"""`verify_model`: whether a file is what its spec makes, layer by layer and weight by weight."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spec_compiler.compiler import SpecLike, compile_spec
from spec_compiler.diagnostics import Diagnostic, Diagnostics, Path, SpecError
from spec_compiler.edits.freezing import normalizes
from spec_compiler.files.run_folder import SUMMARY
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import VariableSpec
from spec_compiler.graph.trainable import flags, layer_at
from spec_compiler.locking.provenance import Provenance, digest_of, read_provenance
from spec_compiler.plan.ledger import LedgerRow
from spec_compiler.reading import Damaged, said_of
from spec_compiler.reading.text import read_json
from spec_compiler.reproducing.origin import differing_spec, spec_of
from spec_compiler.reproducing.structure import differences, matched
from spec_compiler.reproducing.verification import LayerState, State, VariableState, Verification
from spec_compiler.result import CompiledSpec
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import model_file
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike
from spec_compiler.training.unfreezing import stages_of_phase

if TYPE_CHECKING:
    from spec_compiler.backend.held import Holding

CODE = "SC519"


def verify_model(
    model: str | os.PathLike[str],
    spec: SpecLike | None = None,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    ledger: str | os.PathLike[str] | None = None,
    trained: bool = False,
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
) -> Verification:
    """Whether a file is what a spec makes: its structure, the kept weights by their checksums in the base, the others.

    Args:
        model: a `.keras` or `.h5` file.
        spec: as `compile_spec` takes it; None for the one that a `.keras` file of `build` or `train` says itself.
        base: a `keras.Model`, where the spec has no base of its own.
        overrides: as `compile_spec` takes them.
        ledger: that of the file, where it is not beside it; it says how new layers were initialised.
        trained: whether layers that can train may have been trained, though the spec has no `train`.
        allow_code: whether spec and model may run code.
        restrict_paths: whether files that the spec names must lie in its folder.
        policy: as `compile_spec` takes it.

    Raises:
        SpecError: the file cannot be read, or the spec is at fault; what the file has otherwise is in the result.

    Example:
        >>> verify_model("model.keras", "spec.yaml").is_as_specified  # doctest: +SKIP
        True
    """
    file = model_file(os.fspath(model))
    allowed = Permissions(allow_code, not restrict_paths)
    with said_of(file, "a model", "take it from where it was built"):
        provenance = read_provenance(file)
    notes: list[str] = []
    if spec is None:
        loaded = spec_of(file, provenance, allowed, notes)
    else:
        loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
        notes += differing_spec(loaded, provenance)
    compiled = compile_spec(loaded, base=base, allow_code=allow_code, restrict_paths=restrict_paths, force=True)
    found = _held(file, loaded, allow_code)
    known = _Known.of(file, loaded, compiled, provenance, ledger, trained, notes)
    return _verified(file, compiled, found, known, notes)


def _held(file: str, spec: Spec, allow_code: bool) -> Holding:
    """What the file holds."""
    from spec_compiler.backend.held import held_by_file  # Keras is loaded by now

    try:
        return held_by_file(file, spec.source.folder.path, spec.imports, allow_code)
    except SpecError as error:  # of the file that the caller names, at no line of the spec
        raise SpecError(replace(each, path=(), line=None) for each in error.diagnostics) from None


@dataclass(frozen=True)
class _Known:
    """What is known of the file beside what is in it.

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
    ) -> _Known:
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


def _verified(file: str, compiled: CompiledSpec, found: Holding, known: _Known, notes: list[str]) -> Verification:
    from spec_compiler.backend.held import assets_of, graph_of  # as above

    spec, after = compiled.spec, compiled.plan.after
    expected = graph_of(compiled.model)
    names = matched(expected, found.graph)
    has_trained = bool(spec.train) and not known.is_untouched
    parted = [*differences(expected, found.graph, names, flags=not has_trained)]
    ours = {layer.name_in_keras: name for name, layer in after.layers.items()}
    rows, assets = _rows(compiled), assets_of(compiled.model)
    layers, drift = [], []
    for name in expected.calls:
        texts = [each for each in parted if each.layer == name]
        own = ours.get(name, name)
        path = _path(spec, after, own)
        states: tuple[VariableState, ...] = ()
        if name in names:
            variables = expected.layers[name].variables or ()
            of_assets = (
                _assets(assets.get(name, {}), found.assets.get(names[name], {})) if file.endswith(".keras") else ()
            )
            states = (*_states(own, variables, rows, found, names[name], known), *of_assets)
        layers.append(LayerState(name, expected.layers[name].class_name, states, tuple(each.message for each in texts)))
        drift += [Diagnostic(CODE, each.message, path) for each in texts]
        drift += _of_weights(spec, after, own, name, states, path)
    for each in parted:
        if each.layer not in expected.layers:
            drift.append(Diagnostic(CODE, each.message, _path(spec, after, each.layer or None)))
            if each.layer:
                layers.append(LayerState(each.layer, found.graph.layers[each.layer].class_name, (), (each.message,)))
    located = Diagnostics(spec.source.locate(each) for each in drift)
    return Verification(file, spec.source.file or "the spec", tuple(layers), located, tuple(notes))


def _rows(compiled: CompiledSpec) -> dict[str, list[LedgerRow]]:
    """The rows of the ledger by their layers, one for each variable in order."""
    rows: dict[str, list[LedgerRow]] = {}
    for row in compiled.weights:
        if row.action != "dropped" and not row.is_state:
            rows.setdefault(row.layer, []).append(row)
    return rows


def _states(
    layer: str,
    variables: tuple[VariableSpec, ...],
    rows: Mapping[str, list[LedgerRow]],
    found: Holding,
    name: str,
    known: _Known,
) -> Iterator[VariableState]:
    """What each weight of a layer is; the state of random generators is in no file."""
    own = rows.get(layer, [])
    stored = found.checksums.get(name, ())
    if not len(own) == len(variables) == len(stored):
        return  # its structure is another one, which is said
    for variable, row, checksum in zip(variables, own, stored, strict=True):
        if variable.is_weight:
            state = _state(row, variable, checksum, known)
            expected = row.result_checksum
            if state == "differs" and row.action == "initialized":
                expected = known.ledger.get((layer, row.variable), expected)
            yield VariableState(variable.path, state, variable.num_elements, expected, checksum)


def _assets(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[VariableState]:
    """What Keras saves of a layer beside its variables, a vocabulary for one."""
    for name in dict.fromkeys((*expected, *found)):
        state: State = "kept" if expected.get(name) == found.get(name) else "differs"
        yield VariableState(name, state, 0, expected.get(name), found.get(name))


def _state(row: LedgerRow, variable: VariableSpec, checksum: str | None, known: _Known) -> State:
    if checksum is None:
        return "not stored"
    if checksum == row.result_checksum:
        return {"copied": "kept", "adapted": "adapted"}.get(row.action, "new")  # type: ignore[return-value]
    if known.may_train(row.layer, variable):
        return "trained"
    if row.action != "initialized":
        return "differs"
    said = known.ledger.get((row.layer, row.variable))
    if said is None or said == checksum:
        # initialised on another machine, or trained by somebody: a new layer is there to be trained
        return "new" if known.is_untouched or said == checksum else "trained"
    return "differs" if known.is_untouched else "trained"


def _of_weights(
    spec: Spec, after: Graph, own: str, name: str, states: tuple[VariableState, ...], path: Path
) -> Iterator[Diagnostic]:
    """A drift for each layer whose weights are others."""
    others = [each for each in states if each.state == "differs"]
    if not others:
        return
    layer = after.layers.get(own)
    of_base = layer is not None and layer.keeps_weights and layer.adapter is None
    said = ", ".join(f"`{each.name}`" for each in others)
    verb = "is" if len(others) == 1 else "are"
    whose, whose_short = ("the base's", "the base's") if of_base else ("what the spec makes", "the spec's")
    notes = [f"`{each.name}` has the checksum {each.found}, {whose_short} has {each.expected}" for each in others]
    at = _weights_path(spec, own) if of_base else path
    can_train = layer is not None and any(flags(replace(after, layers={own: layer})).values())
    help = "if somebody has trained it since, add `--trained`" if can_train and not spec.train else None
    yield Diagnostic(CODE, f"`{name}`: {said} {verb} not {whose}", at, notes=tuple(notes), help=help)


def _path(spec: Spec, after: Graph, layer: str | None) -> Path:
    """Where the spec makes or changes a layer; else its base."""
    found = after.layers.get(layer) if layer is not None else None
    gone = after.removed.get(layer) if layer is not None else None
    if gone is not None and gone.path:
        return gone.path  # the file still has what the spec takes away
    if found is not None and found.cause is not None and found.cause.path:
        return found.cause.path
    return _base(spec, layer)


def _base(spec: Spec, layer: str | None) -> Path:
    if spec.base is not None:
        return ("base",)
    if spec.bases is not None:
        name = (layer or "").partition("/")[0]
        return ("bases", name) if name in spec.bases else ("bases",)
    return ()


def _weights_path(spec: Spec, layer: str) -> Path:
    """Where the spec says what values a kept layer has."""
    base = _base(spec, layer)
    data: Any = spec.source.data
    for part in base:
        data = data.get(part) if isinstance(data, Mapping) else None
    key = next((key for key in ("weights", "file", "spec") if isinstance(data, Mapping) and key in data), None)
    return (*base, key) if key is not None else base
