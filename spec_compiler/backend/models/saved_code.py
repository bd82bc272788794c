"""The config of a saved model, and the Python code that it needs: functions that it names, lambdas that it holds."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import keras

from spec_compiler.backend.models.allowed_configs import Findings, findings
from spec_compiler.backend.models.functions import function_beside
from spec_compiler.backend.models.keras_2_configs import leave_out_what_keras_3_lacks, say_as_keras_3
from spec_compiler.diagnostics import SpecError, quoted
from spec_compiler.files import Folder
from spec_compiler.reading import said_of
from spec_compiler.reading.model import config_text, parsed_config
from spec_compiler.spec.code_beside import modules_beside
from spec_compiler.spec.permissions import ALLOW_MODEL

Config = dict[str, Any]


def saved_config(path: str) -> Config:
    """The config of a model that Keras saved, as a `.keras` archive or as legacy HDF5; how it was compiled left out.

    Raises:
        SpecError: SC502 where it is neither, or HDF5 that holds weights only; SC514.
    """
    with said_of(path, "a model", "save it again"):
        kind, text, version = config_text(path)
        config = parsed_config(text) if text is not None else None
    if config is None:
        raise SpecError.single(
            "SC502",
            f"`{os.path.basename(path)}` holds weights only, not a model",
            help="name the application in `base`, and this file in `base.weights`; of another model\n"
            "its own file, or a `python:` base that returns it",
        )
    if kind == "keras":
        config.pop("compile_config", None)
        leave_out_what_keras_3_lacks(config)
    else:
        say_as_keras_3(config, is_older=not version.lstrip("b'").startswith("3"))
    return config


@dataclass(frozen=True)
class SavedCode:
    """The code that a config needs, and what of it no model is made of.

    Functions and classes that somebody has registered with Keras in this process need nothing.
    """

    named: Findings = field(default_factory=Findings)

    @classmethod
    def of(cls, config: Any, objects: Mapping[str, Any] | None = None) -> SavedCode:
        """What a model's config needs beside `objects`, which somebody has found; without making any of it."""
        with keras.saving.custom_object_scope(dict(objects or {})):
            return cls(findings(config))

    def __bool__(self) -> bool:
        return bool(self.named.functions or self.named.lambdas or self.named.code)

    @property
    def names_code(self) -> bool:
        """Whether it names any code at all, also such as needs no permission in this process."""
        return bool(self) or bool(self.named.registered)

    @property
    def has_lambdas(self) -> bool:
        """Whether the file holds functions as bytecode."""
        return bool(self.named.lambdas)

    def permit(self, path: str, allowed: bool) -> None:
        """Passes only what Keras may be given: parts of its own models, and code where that is allowed.

        Raises:
            SpecError: SC112 for code that is not allowed, and for what no permission is for; SC502 for classes that
                nobody has registered, and vocabularies in other files.
        """
        name, named = os.path.basename(path), self.named
        if named.forbidden:
            message = f"`{name}` names {named.forbidden[0].text}, which no model is made of"
            note = "Keras would look it up and call it while it loads the model; no permission is for that"
            raise SpecError.single("SC112", message, notes=[note], help="ask whoever made the file what it is")
        if self and not allowed:
            raise SpecError.single("SC112", f"`{name}` runs Python code, {self.text}", help=ALLOW_MODEL)
        if named.files:
            message = f"`{name}` has a vocabulary in another file, {named.files[0].text}"
            help = "save the model with its vocabulary in it: `set_vocabulary` takes a list of words"
            raise SpecError.single("SC502", message, help=help)
        if named.unknown:
            message = f"`{name}` cannot be rebuilt: Keras has no class {named.unknown[0].text}"
            help = "write `imports: [MODULE]` with the module that defines or registers the class"
            raise SpecError.single("SC502", message, help=help)

    def defined_in(self, modules: Sequence[ModuleType]) -> dict[str, Any]:
        """Its functions and classes that modules define, which the caller has imported.

        Raises:
            SpecError: SC502 where two of them define the same name.
        """
        objects: dict[str, Any] = {}
        for name in dict.fromkeys((*self._functions, *(each.name for each in self.named.unknown))):
            found = [each for each in modules if callable(vars(each).get(name))]
            if len({id(vars(each)[name]) for each in found}) > 1:
                message = f"the model needs `{name}`, which {quoted(each.__name__ for each in found)} define"
                raise SpecError.single("SC502", message, help="name one of them in `imports`")
            if found:
                objects[name] = vars(found[0])[name]
        return objects

    def objects(self, path: str, folders: Sequence[str | Folder], allowed: bool) -> dict[str, Callable[..., Any]]:
        """Its functions and classes, as Keras's `custom_objects`; each from the one module in `folders` that has it.

        Raises:
            SpecError: as `permit`, and SC502 for a function that is not found.
        """
        classes = [each.name for each in self.named.unknown if allowed and modules_beside(each.name, folders)]
        rest = tuple(each for each in self.named.unknown if each.name not in classes)
        SavedCode(replace(self.named, unknown=rest)).permit(path, allowed)
        return {name: function_beside(name, folders, "SC502") for name in (*self._functions, *classes)}

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Around Keras's loading: packages that it imports by itself are not looked for in the current folder."""
        before = list(sys.path)
        if self.named.code:
            here = os.path.realpath(os.curdir)
            sys.path[:] = [each for each in sys.path if each and os.path.realpath(each) != here]
        try:
            yield
        finally:
            sys.path[:] = before

    @property
    def text(self) -> str:
        """What it is, for a message."""
        names = [f"`{name}`" for name in self._functions]
        if names:
            return f"the function{'s' if len(names) > 1 else ''} {', '.join(names)}"
        if self.named.code:
            return self.named.code[0].text
        layer = self.named.lambdas[0].layer
        return "a lambda in the file" + (f", in the layer `{layer}`" if layer else "")

    @property
    def _functions(self) -> list[str]:
        """The functions by their names, in alphabetical order."""
        return sorted({each.name for each in self.named.functions})
