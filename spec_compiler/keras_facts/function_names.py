"""How a spec names code of one's own: `module:Name`, or `package>Name` for what is registered with Keras.

To find it and to run it is the backend's work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FUNCTION_PATTERN = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
OWN_PATTERN = rf">|^(?!type:){FUNCTION_PATTERN}$"  # as the JSON Schema says it


def is_function(text: str) -> bool:
    """Whether a text is `module:Name`, a function or a class; `type:Name` is a selector wherever it stands.

    >>> is_function("my_data:train"), is_function("my_layers:SE"), is_function("data/train"), is_function("type:Dense")
    (True, True, False, False)
    """
    return ":" in text and not text.startswith("type:") and re.fullmatch(FUNCTION_PATTERN, text) is not None


def is_own(name: str) -> bool:
    """Whether a name is that of code of one's own, in either form.

    >>> is_own("my_layers:SE"), is_own("mine>SE"), is_own("Dense")
    (True, True, False)
    """
    return ">" in name or is_function(name)


def names_own(value: Any) -> bool:
    """Whether plain data names code of one's own anywhere, as a key or as a text.

    >>> names_own({"TimeDistributed": {"layer": {"my_layers:SE": None}}}), names_own({"Dense": {"units": 3}})
    (True, False)
    """
    if isinstance(value, str):
        return is_own(value)
    if isinstance(value, Mapping):
        return any(names_own(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(map(names_own, value))


def bare(name: str) -> str:
    """The name without the module or the package before it.

    >>> bare("my_layers:SE"), bare("mine>SE"), bare("Dense")
    ('SE', 'SE', 'Dense')
    """
    return re.split("[>:]", name)[-1]
