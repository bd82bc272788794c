"""The Python code that a saved model needs: functions that it names, and lambdas that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

# Where Keras itself looks for a function by its name alone (`_retrieve_class_or_fn` in saving/serialization_lib.py).
_NAMESPACES = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")


@dataclass(frozen=True)
class SavedCode:
    """The functions that a config names and Keras does not know, and whether it holds lambdas as bytecode."""

    functions: tuple[str, ...] = ()
    has_lambdas: bool = False

    @classmethod
    def of(cls, config: Any) -> SavedCode:
        """What a model's config needs; functions that are registered with Keras need nothing."""
        functions: list[str] = []
        has_lambdas = False
        todo = [config]
        while todo:
            here = todo.pop()
            if isinstance(here, dict):
                inner = here.get("config")
                has_lambdas = has_lambdas or here.get("class_name") == "__lambda__"
                if here.get("class_name") == "function" and isinstance(inner, str) and not _is_known(inner):
                    functions.append(inner)
                todo += here.values()
            elif isinstance(here, list):
                todo += here
        return cls(tuple(sorted(set(functions))), has_lambdas)

    def __bool__(self) -> bool:
        return bool(self.functions) or self.has_lambdas

    @property
    def text(self) -> str:
        """What it is, for a message."""
        if not self.functions:
            return "a lambda in the file"
        return (
            f"the function{'s' if len(self.functions) > 1 else ''} {', '.join(f'`{each}`' for each in self.functions)}"
        )


def _is_known(name: str) -> bool:
    if keras.saving.get_registered_object(name) is not None:
        return True
    return any(hasattr(getattr(keras, namespace), name) for namespace in _NAMESPACES)
