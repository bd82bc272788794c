"""A build by a model that Keras has built without its weights."""

from __future__ import annotations

from spec_compiler.building.built_file import Beside, BuiltFile
from spec_compiler.compiler import keras_itself
from spec_compiler.planning import inner_warnings
from spec_compiler.spec import Spec
from spec_compiler.spec.others import inside
from spec_compiler.spec.permissions import Permissions


def with_keras(spec: Spec, path: str, allowed: Permissions, beside: Beside) -> BuiltFile | None:
    """Builds a spec into a file; None where only a model that is in memory can be saved."""
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
    return BuiltFile(spec, unfilled.plan, ledger, (*inner_warnings(around), *keras.file_warnings(unfilled)))
