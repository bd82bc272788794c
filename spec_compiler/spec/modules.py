"""A Python module that `imports` names: `my_layers`, or `my_package.layers`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictStr

from spec_compiler.diagnostics import SpecError, show, write
from spec_compiler.files.suffixes import SPEC_SUFFIXES

MODULE_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_ENDS = (*SPEC_SUFFIXES, ".py")  # of files, whatever Python might find under such a name


def _checked(raw: Any) -> str:
    if isinstance(raw, str) and re.fullmatch(MODULE_PATTERN, raw) and not raw.endswith(_ENDS):
        return raw
    help: Any = "for example `imports: [my_layers]`, for `my_layers.py` beside the spec"
    meant = re.fullmatch(rf"({MODULE_PATTERN}?)(\.py|:\w+)", raw) if isinstance(raw, str) else None
    if meant is not None:
        help = write(meant[1], f"write `{meant[1]}`")
    raise SpecError.single("SC103", f"`imports` names Python modules, got {show(raw)}", help=help)


Module = Annotated[StrictStr, Field(pattern=f"^{MODULE_PATTERN}$"), BeforeValidator(_checked)]
