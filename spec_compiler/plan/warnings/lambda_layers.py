"""SC509: Lambda layers, of which a saved file holds Python code, or only the name of a function.

Keras loads neither without `safe_mode=False`: https://keras.io/api/layers/core_layers/lambda/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def lambda_layers(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """One warning for each layer that is a Lambda or holds one, at its entry or at the base."""
    for layer in plan.after.layers.values():
        for function in islice(_functions(layer.config), 1):  # None says a Lambda too, so that `next` cannot
            first, carries, options = "", "carries its code", "safe_mode=False"
            if function is not None:
                name = function.rpartition(":")[2]
                carries, options = f"needs `{function}` again", f"custom_objects={{'{name}': {name}}}, safe_mode=False"
                if ">" in name:  # `package>name`: known once the module that registers it is imported
                    first, options = "import the module that registers it and ", "safe_mode=False"
            what = "is" if layer.class_name == "Lambda" else "holds"
            yield Diagnostic(
                "SC509",
                f"`{layer.name}` {what} a Lambda layer: a saved file {carries}, and loading it asks for trust",
                layer.origin.path or ("base" if spec.base is not None else "bases",),
                help=f"{first}load it with `keras.models.load_model(file, {options})`, or replace it by a named layer",
            )


def _functions(config: Any) -> Iterator[str | None]:
    """The functions of the Lambda layers in a config, by name; None for one that a file holds as code."""
    if isinstance(config, list | tuple):
        for part in config:
            yield from _functions(part)
    elif isinstance(config, Mapping):
        arguments = config.get("config")
        if config.get("class_name") == "Lambda" and isinstance(arguments, Mapping):
            function = arguments.get("function")
            if isinstance(function, Mapping):  # as Keras writes it: `function` by name, `__lambda__` as code
                function = function.get("config") if function.get("class_name") == "function" else None
            yield function if isinstance(function, str) else None
        else:
            for part in config.values():
                yield from _functions(part)
