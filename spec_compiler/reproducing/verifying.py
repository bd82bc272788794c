"""`verify_model`: whether a file is what its spec makes, layer by layer and weight by weight."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spec_compiler.compiler import SpecLike, compile_spec
from spec_compiler.diagnostics import Diagnostic, Diagnostics, Path, SpecError
from spec_compiler.files.parts import INDEX
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import VariableSpec
from spec_compiler.graph.trainable import flags
from spec_compiler.locking.provenance import read_provenance
from spec_compiler.plan.ledger import LedgerRow
from spec_compiler.reading import said_of
from spec_compiler.reading.model import SAFETENSORS
from spec_compiler.reproducing.known import Known
from spec_compiler.reproducing.origin import differing_spec, spec_of
from spec_compiler.reproducing.structure import differences, matched
from spec_compiler.reproducing.verification import LayerState, State, VariableState, Verification
from spec_compiler.result import CompiledSpec
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import model_file
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike

if TYPE_CHECKING:
    from spec_compiler.backend.held import Holding

CODE = "SC519"
WEIGHTS_ONLY = (".weights.h5", INDEX, SAFETENSORS)
SUFFIXES = (".keras", ".h5", ".hdf5", *WEIGHTS_ONLY)


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
    if not file.endswith(SUFFIXES):
        help = "Keras models are saved as `.keras`, or as legacy `.h5`"
        raise SpecError.single("SC502", f"`{file}` is not a saved model", help=help)
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
    expected = _expected(compiled)
    found = _held(file, loaded, expected, allow_code)
    known = Known.of(file, loaded, compiled, provenance, ledger, trained, notes)
    if file.endswith(WEIGHTS_ONLY):
        notes.append(f"`{os.path.basename(file)}` holds weights alone: there is no structure in it to compare")
    return _verified(file, compiled, expected, found, known, notes)


def _expected(compiled: CompiledSpec) -> Holding:
    """The graph that the spec makes, as Keras has it, and what Keras would save beside its weights."""
    from spec_compiler.backend.held import held_by_model  # Keras is loaded by now

    return held_by_model(compiled.model)


def _held(file: str, spec: Spec, expected: Holding, allow_code: bool) -> Holding:
    """What the file holds."""
    from spec_compiler.backend.held import held_by_file, held_by_weights  # as above

    try:
        if file.endswith(WEIGHTS_ONLY):
            return held_by_weights(file, expected.graph)
        return held_by_file(file, spec.source.folder.path, spec.imports, allow_code)
    except SpecError as error:  # of the file that the caller names, at no line of the spec
        raise SpecError(replace(each, path=(), line=None) for each in error.diagnostics) from None


def _verified(
    file: str, compiled: CompiledSpec, holding: Holding, found: Holding, known: Known, notes: list[str]
) -> Verification:
    spec, after = compiled.spec, compiled.plan.after
    expected, assets = holding.graph, holding.assets
    names = matched(expected, found.graph)
    has_trained = bool(spec.train) and not known.is_untouched
    parted = [*differences(expected, found.graph, names, flags=not has_trained)]
    ours = {layer.name_in_keras: name for name, layer in after.layers.items()}
    rows = _rows(compiled)
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
    known: Known,
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


def _state(row: LedgerRow, variable: VariableSpec, checksum: str | None, known: Known) -> State:
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
