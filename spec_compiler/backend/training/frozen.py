"""That what a phase freezes is the same bytes after it: checksums of every frozen variable, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from spec_compiler.diagnostics import SpecError, quoted
from spec_compiler.weights.checksum import checksum

# What changes with each call, frozen or not: it is where a layer stands, not what it learnt.
_STATES = ("seed_generator_state", "rnn_state")


def frozen_variables(model: Any) -> Iterator[tuple[str, Any]]:
    """The variables of frozen layers, and single ones that Keras freezes in others, by their paths.

    Where several of the model's have one path, they are counted, what trains as well: each has its name in every phase.
    """
    names: dict[int, str] = {}
    seen: Counter[str] = Counter()
    yielded: set[int] = set()
    for layer in model._flatten_layers():
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            if id(variable) not in names:
                count = seen[variable.path]
                names[id(variable)] = f"{variable.path}#{count + 1}" if count else variable.path
                seen[variable.path] += 1
            is_frozen = not layer.trainable or (
                any(variable is each for each in layer._trainable_variables) and not variable.trainable
            )
            if is_frozen and variable.name not in _STATES and id(variable) not in yielded:
                yielded.add(id(variable))
                yield names[id(variable)], variable


def checksums(model: Any) -> dict[str, str]:
    """The checksum of every frozen variable."""
    variables = frozen_variables(model)
    return {name: checksum(np.asarray(keras.ops.convert_to_numpy(variable))) for name, variable in variables}


def proven(model: Any, before: Mapping[str, str], phase: int, name: str) -> dict[str, Any]:
    """What a phase left as it was, with how many parameters and one checksum of all, every byte compared.

    Raises:
        SpecError: SC613 where a frozen variable is another.
    """
    now = checksums(model)
    changed = [path for path in now if before.get(path, now[path]) != now[path]]
    if changed:
        raise _changed(model, changed, phase, name)
    size = sum(int(np.prod(variable.shape)) for _, variable in frozen_variables(model))
    lines = "\n".join(f"{path} {digest}" for path, digest in now.items())
    digest = checksum(np.frombuffer(lines.encode(), "uint8"))
    return {"phase": name, "variables": len(now), "parameters": size, "checksum": digest}


def _changed(model: Any, changed: list[str], phase: int, name: str) -> SpecError:
    # the outermost layer that holds it, which is the one that a spec can name
    layers = [each for each in model._flatten_layers() if not isinstance(each, keras.Model)]
    variable = dict(frozen_variables(model))[changed[0]]
    layer = next((each for each in layers if any(variable is own for own in each.weights)), None)
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    message = f"the phase `{name}` froze {quoted(changed[:1])}{more}, and it has changed"
    help = "take the layer out of `freeze`"
    if layer is not None:
        name, kind = layer.name, type(layer).__name__
        help = f"`{kind}` changes its variables itself while it trains: take `{name}` out of `freeze`"
    return SpecError.single("SC613", message, path=("train", phase), help=help)
