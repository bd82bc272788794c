"""The config of a saved model, and the Python code that it needs: functions that it names, lambdas that it holds."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import keras

from spec_compiler.backend.functions import function_beside
from spec_compiler.backend.keras_2_configs import leave_out_what_keras_3_lacks, say_as_keras_3
from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder
from spec_compiler.permissions import ALLOW_MODEL

# Where Keras itself looks for a function by its name alone (`_retrieve_class_or_fn` in saving/serialization_lib.py).
_NAMESPACES = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")


Config = dict[str, Any]


def saved_config(path: str) -> Config:
    """The config of a model that Keras saved, as a `.keras` archive or as legacy HDF5; how it was compiled left out.

    Raises:
        SpecError: SC502 for HDF5 that holds weights only.
        OSError: it is neither.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise OSError("the archive has no `config.json`")
            config = _mapping(archive.read("config.json").decode("utf-8"))
        config.pop("compile_config", None)
        leave_out_what_keras_3_lacks(config)
        return config
    with h5py.File(path, "r") as store:
        text = store.attrs.get("model_config")
        version = str(store.attrs.get("keras_version", "2"))
    if text is None:
        raise SpecError.single(
            "SC502",
            f"`{os.path.basename(path)}` holds weights only, not a model",
            help="name the application in `base`, and this file in `base.weights`; of another model\n"
            "its own file, or a `python:` base that returns it",
        )
    config = _mapping(text)
    say_as_keras_3(config, is_older=not version.lstrip("b'").startswith("3"))
    return config


def _mapping(text: str | bytes) -> Config:
    config = json.loads(text)
    if not isinstance(config, dict):
        raise OSError("its config is no mapping")
    return config


@dataclass(frozen=True)
class SavedCode:
    """The functions that a config names and Keras does not know, and whether it holds lambdas as bytecode.

    `registered` are functions that it names and that somebody has registered with Keras in this process.
    """

    functions: tuple[str, ...] = ()
    has_lambdas: bool = False
    registered: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Any) -> SavedCode:
        """What a model's config needs; functions that are registered with Keras need nothing."""
        named: set[str] = set()
        has_lambdas = False
        todo = [config]
        while todo:
            here = todo.pop()
            if isinstance(here, dict):
                inner = here.get("config")
                has_lambdas = has_lambdas or here.get("class_name") == "__lambda__"
                if here.get("class_name") == "function" and isinstance(inner, str):
                    named.add(inner)
                todo += here.values()
            elif isinstance(here, list):
                todo += here
        own = sorted(name for name in named if not _is_of_keras(name))
        registered = tuple(name for name in own if keras.saving.get_registered_object(name) is not None)
        return cls(tuple(name for name in own if name not in registered), has_lambdas, registered)

    def __bool__(self) -> bool:
        return bool(self.functions) or self.has_lambdas

    @property
    def names_code(self) -> bool:
        """Whether it names any code at all, also such as needs no permission in this process."""
        return bool(self) or bool(self.registered)

    def objects(self, path: str, folders: Sequence[str | Folder], allowed: bool) -> dict[str, Callable[..., Any]]:
        """Its functions, as Keras's `custom_objects`; each from the one module in `folders` that defines it.

        Raises:
            SpecError: SC112 where the model needs code and none is allowed, SC502 for a function that is not found.
        """
        if self and not allowed:
            raise SpecError.single(
                "SC112", f"`{os.path.basename(path)}` runs Python code, {self.text}", help=ALLOW_MODEL
            )
        return {name: function_beside(name, folders, "SC502") for name in self.functions}

    @property
    def text(self) -> str:
        """What it is, for a message."""
        if not self.functions:
            return "a lambda in the file"
        return (
            f"the function{'s' if len(self.functions) > 1 else ''} {', '.join(f'`{each}`' for each in self.functions)}"
        )


def _is_of_keras(name: str) -> bool:
    return any(hasattr(getattr(keras, namespace), name) for namespace in _NAMESPACES)
