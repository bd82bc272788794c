"""A spec built into a file, by the cheapest way that there is for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spec_compiler.building.built_file import Beside, BuiltFile, nothing
from spec_compiler.building.with_keras import with_keras
from spec_compiler.building.without_keras import without_keras
from spec_compiler.compiler import SpecLike, compile_spec
from spec_compiler.files.outputs import ledger_name, ready, together
from spec_compiler.spec import load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike

SUFFIXES = (".keras", ".h5")
_STREAMED = (".keras", ".weights.h5")


def build_spec(
    spec: SpecLike,
    output: str | os.PathLike[str],
    *,
    ledger: str | os.PathLike[str] | None = None,
    adapters: str | os.PathLike[str] | None = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
    prove: bool = False,
    probe: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> BuiltFile:
    """Builds a spec into a model file without holding the model: the way for models that are larger than the memory.

    Weights that are kept go from file to file, in pieces; where nothing needs Keras, it is not started. The same spec
    makes the same bytes. What only Keras can save is compiled in memory, as `compile_spec` does it: layers with a
    vocabulary, LoRA, a model that is compiled, `prove`.

    Args:
        spec: as `compile_spec` takes it, with a `base` of its own.
        output: the file: `.keras`, weights alone as `.weights.h5`, or a whole model in the legacy format, `.h5`.
        ledger: where the ledger of the weights goes as JSON, beside `output` as `.ledger.json` if not said.
        adapters: also what LoRA holds, by itself, to this `.npz` file.
        overrides: as those of `compile_spec`, like what follows but for `force`.
        force: whether files that are there are overwritten, and a model is made in memory though that may not suffice.

    Raises:
        SpecError: the spec is at fault; SC508 where a file cannot be written. Then none is.

    Example:
        >>> build_spec("birds.yaml", "birds.keras").weights.summary  # doctest: +SKIP
        'copied 22 of 26 variables, 14,675,968 parameters; initialized 2; dropped 4'
    """
    path = os.fspath(output)
    outputs = (path, os.fspath(ledger or ledger_name(path)), *([os.fspath(adapters)] if adapters else []))
    ready_all(outputs, force)
    loaded = load_spec(spec, overrides=overrides, allowed=Permissions(allow_code, not restrict_paths), policy=policy)
    check_outputs(outputs, spec=loaded)
    with together(outputs, force) as (for_model, for_ledger, *for_adapters):
        built = write_model(
            loaded,
            for_model,
            allow_code=allow_code,
            restrict_paths=restrict_paths,
            prove=prove,
            probe=os.fspath(probe) if probe is not None else None,
            force=force,
            adapters=adapters is not None,
        )
        Path(for_ledger).write_bytes((json.dumps(built.weights.to_json(), indent=1) + "\n").encode())
        for each in for_adapters:
            Path(each).write_bytes(built.learned or b"")
    return built


def ready_all(outputs: Sequence[str], force: bool) -> None:
    """Checks, before any work, that the files of a build may be written: the model's, the ledger's, the adapters'.

    Raises:
        SpecError: SC508.
    """
    for each, suffixes in zip(outputs, (SUFFIXES, (".json",), (".npz",)), strict=False):
        ready(each, force, suffixes)


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
    beside: Beside = nothing,
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
    if path.endswith(_STREAMED) and not (prove or probe or adapters):
        built = without_keras(loaded, path, allowed, beside) or with_keras(loaded, path, allowed, beside)
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
