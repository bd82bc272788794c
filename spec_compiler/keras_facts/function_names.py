"""How a spec names a Python function, `module:function`. To find one and to run it is the backend's work."""

from __future__ import annotations

import re

FUNCTION_PATTERN = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"


def is_function(text: str) -> bool:
    """Whether a text is `module:function`.

    >>> is_function("my_data:train"), is_function("data/train"), is_function("C:\\\\data")
    (True, False, False)
    """
    return re.fullmatch(FUNCTION_PATTERN, text) is not None
