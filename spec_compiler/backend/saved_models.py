"""Saved models made again, by their configs or by Keras's own loading; each config has passed before Keras sees it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras
from keras.src.legacy.saving import saving_options, saving_utils  # private: the legacy format has no public reader
from keras.src.saving.serialization_lib import ObjectSharingScope, SafeModeScope  # private: the scopes of `load_model`

from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.saved_code import SavedCode, saved_config
from spec_compiler.diagnostics import SpecError
from spec_compiler.reading import said_of
from spec_compiler.reading.model import format_of
from spec_compiler.weights.files import admitted


@contextlib.contextmanager
def told_of(path: str) -> Iterator[None]:
    """Around the reading and rebuilding of a saved model: says which file it is, and what to do.

    Raises:
        SpecError: SC502, SC514.
    """
    name = os.path.basename(path)
    try:
        with said_of(path, "a model", "save it again"):
            yield
    except SpecError:
        raise
    except Exception as error:
        if re.search(r"marshal|EOF read where object", str(error)):
            message = f"`{name}` holds a lambda that another version of Python compiled"
            raise SpecError.single("SC502", message, help=_IN_PYTHON) from None
        raise _unreadable(name, error) from None


_IN_PYTHON = (
    "build the model in Python, load its weights from this file, and pass it as `base=`, or return it\n"
    "from a `python:` base"
)


def _unreadable(name: str, error: Exception) -> SpecError:
    reason, help = keras_reason(error), _IN_PYTHON
    if "Could not locate function" in reason:
        help = "load it with the function among the `custom_objects`, and pass it as `base=`"
    elif "Could not locate" in reason or "Unknown layer" in reason or "register" in reason:
        help = "write `imports: [MODULE]` with the module that defines or registers the class"
    elif "function identifier: {'value': [" in reason or "'<lambda>'" in reason or ": <lambda>" in reason:
        reason = "a layer of it has a lambda for its activation, which no file holds so that it loads"
    elif re.search(r"Unrecognized keyword|missing \d+ required|unexpected keyword", reason):
        reason = f"{reason}: a class does not say in `get_config` what its `__init__` takes"
    elif "lambda" in reason.lower():
        help = "load the model yourself with `safe_mode=False` if you trust it, and pass it as `base=`"
    return SpecError.single("SC502", f"`{name}` cannot be rebuilt: {reason}", help=help)


def rebuilt(path: str, objects: Mapping[str, Any], code: bool) -> Any:
    """The model that a file's config describes, without its weights.

    Raises:
        SpecError: as `SavedCode.permit`.
    """
    config = saved_config(path)  # anew each time, as Keras empties it while it reads
    saved = SavedCode.of(config, objects)
    saved.permit(path, code)
    safe = not saved.has_lambdas
    if format_of(path) == "keras":
        with saved.loading(), ObjectSharingScope():  # so that a layer which two others hold is made once
            return keras.saving.deserialize_keras_object(config, custom_objects=dict(objects), safe_mode=safe)
    with saved.loading(), saving_options.keras_option_scope(use_legacy_config=True), SafeModeScope(safe):
        return saving_utils.model_from_config(config, custom_objects=dict(objects))


def load_by_keras(path: str, objects: Mapping[str, Any], allowed: bool) -> Any:
    """The model as Keras's own `load_model` gives it, uncompiled; its config has passed.

    Keras goes by the name of a file, and we by what is in it: a file may hold two models, and only one config passed.

    Raises:
        SpecError: as `SavedCode.permit`, and SC502 for a file whose name says another format.
    """
    path = os.path.abspath(path)  # what begins with `hf://` Keras would download
    saved = SavedCode.of(saved_config(path), objects)
    suffixes = (".keras",) if format_of(path) == "keras" else (".h5", ".hdf5")
    if not path.endswith(suffixes):
        message = f"`{os.path.basename(path)}` is in the format of `{suffixes[0]}` files, its name says another"
        raise SpecError.single("SC502", message, help=f"let its name end in `{suffixes[0]}`")
    saved.permit(path, allowed)
    with saved.loading():
        safe = not saved.has_lambdas
        return keras.saving.load_model(admitted(path), custom_objects=dict(objects), compile=False, safe_mode=safe)
