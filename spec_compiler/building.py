"""From a spec to a model file, by the cheapest of three ways that make the same model.

without Keras   what the memory knows        weights go from file to file, in pieces
with Keras      what only Keras can tell     the same; Keras builds the model, without a weight, and draws first values
in memory       what only Keras can save     as `compile_spec`, and then saved: vocabularies, LoRA, what is compiled
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from spec_compiler.compiler import SpecLike, compile_spec, keras_itself
from spec_compiler.diagnostics import Diagnostic, Diagnostics
from spec_compiler.memory.answers import Memory
from spec_compiler.memory.bases import keras_version
from spec_compiler.plan import Plan
from spec_compiler.plan.ledger import WeightLedger
from spec_compiler.plan.warnings import lint
from spec_compiler.planning import inner_warnings, planned
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.others import Inside, inside
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike

if TYPE_CHECKING:
    from spec_compiler.backend.unfilled import Unfilled

STREAMED = (".keras", ".weights.h5")
Beside = Callable[[WeightLedger], Mapping[str, bytes]]


def _nothing(ledger: WeightLedger) -> Mapping[str, bytes]:
    return {}


@dataclass(frozen=True, repr=False)
class BuiltFile:
    """What a build gives beside the file: what the user wrote, what changed, and what became of every variable.

    `file_warnings` are as those of a `CompiledSpec`; `learned` is what LoRA holds, as the file of adapters has it.
    """

    spec: Spec
    plan: Plan
    weights: WeightLedger
    file_warnings: tuple[Diagnostic, ...] = ()
    learned: bytes | None = None

    def __repr__(self) -> str:
        return f"<BuiltFile {self.plan.name}: {self.weights.summary}>"

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is legal in the spec and its base but worth saying."""
        found = (*lint(self.spec, self.plan), *self.file_warnings)
        return Diagnostics(self.spec.source.locate(each) for each in found)


def write_model(
    spec: SpecLike,
    path: str,
    *,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    prove: bool = False,
    probe: str | None = None,
    force: bool = False,
    adapters: bool = False,
    beside: Beside = _nothing,
) -> BuiltFile:
    """Builds a spec into a file at `path`, in place; whoever wants it whole or not at all gives a temporary one.

    What else it takes, `compile_spec` says. `adapters` asks for what LoRA holds as well, `beside` for members of a
    `.keras` archive.

    Raises:
        SpecError: the spec is at fault.
        OSError: the file cannot be written.
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    missing_files(loaded)
    if path.endswith(STREAMED) and not (prove or probe or adapters):
        built = _without_keras(loaded, path, allowed, beside) or _with_keras(loaded, path, allowed, beside)
        if built is not None:
            return built
    compiled = compile_spec(
        loaded, allow_code=allow_code, restrict_paths=restrict_paths, prove=prove, probe=probe, force=force
    )
    # imports Keras, which runs by now
    from spec_compiler.backend.models.saving import save

    learned = _adapters_of(compiled.model) if adapters else None
    save(compiled.model, path, beside(compiled.weights))
    return BuiltFile(loaded, compiled.plan, compiled.weights, compiled.file_warnings, learned)


def _adapters_of(model: Any) -> bytes:
    from spec_compiler.backend.weights.lora_files import content, trainable_names  # imports Keras

    return content(model, trainable_names(model))


def _without_keras(spec: Spec, path: str, allowed: Permissions, beside: Beside) -> BuiltFile | None:
    """None where Keras is needed; then nothing is in the file that anybody may use."""
    around = inside(spec)
    result = planned(spec, Memory(), allowed, around)
    plan = result.plan
    if plan is None or result.base is None or plan.compilation is not None:
        return None
    # NumPy and HDF5 take longer to load than many a plan
    from spec_compiler.weights.initials import Unknown, initial
    from spec_compiler.weights.known import is_trap, known_source
    from spec_compiler.weights.streamed import NotStreamed, check_streamed, write_streamed
    from spec_compiler.weights.unmapped import unmapped_warnings

    try:
        check_streamed(plan.after)
        with spec.source.locating():
            source = known_source(spec, result.base.graph, plan.after)
            if source is None or is_trap(spec):
                return None
            drawn = partial(initial, spec.seed)
            ledger = write_streamed(path, result.base.graph, plan.after, source, drawn, keras_version(), beside)
            unmapped = unmapped_warnings(source.unmapped, spec, plan.after)
    except (NotStreamed, Unknown):
        return None
    warnings = (*inner_warnings(around), *(spec.source.locate(each) for each in unmapped))
    return BuiltFile(spec, plan, ledger, warnings)


def _with_keras(spec: Spec, path: str, allowed: Permissions, beside: Beside) -> BuiltFile | None:
    """None where only a model that is in memory can be saved."""
    keras, around = keras_itself(None, allowed), inside(spec)
    unfilled = keras.unfilled(spec, around)
    if not unfilled.is_plain:
        return None
    from spec_compiler.weights.streamed import NotStreamed, check_streamed  # NumPy is there by now

    try:
        check_streamed(unfilled.plan.after)
        ledger = unfilled.stream(path, beside)
    except NotStreamed:
        return None
    return BuiltFile(spec, unfilled.plan, ledger, _warnings(keras, unfilled, around))


def _warnings(keras: Any, unfilled: Unfilled, around: Inside) -> tuple[Diagnostic, ...]:
    return (*inner_warnings(around), *keras.file_warnings(unfilled))
