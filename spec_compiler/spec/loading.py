"""A spec from wherever it stands: a file, a text, a dict; with overrides, what it imports, its blocks written out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from spec_compiler.files import Folder
from spec_compiler.spec.permissions import EVERYTHING, Permissions, permitted
from spec_compiler.spec.policy import PolicyLike, load_policy
from spec_compiler.spec.spec import Spec, validate
from spec_compiler.spec.swept_variables import check_swept
from spec_compiler.text.blocks import expanded
from spec_compiler.text.imports import imported
from spec_compiler.text.overrides import overridden
from spec_compiler.text.plain_data import with_python_numbers
from spec_compiler.text.source import Source
from spec_compiler.text.yaml_text import parse_source, read_source


def load_spec(
    spec: str | os.PathLike[str] | Mapping[str, Any] | Spec,
    *,
    overrides: Iterable[str] = (),
    file: str | None = None,
    allowed: Permissions = EVERYTHING,
    inside: Folder | None = None,
    policy: PolicyLike | None = None,
) -> Spec:
    """The spec in a file, in a YAML text (a string with a line break), in a plain dict, or as it is.

    Loading runs nothing.

    Args:
        file: the name of a text in messages, whose folder is where relative paths start from.
        allowed: what the spec may do where it is built; more is refused here.
        inside: the folder of another spec that names this one.

    Raises:
        SpecError: every mistake in the spec's own fields, located where it was read from text.
        TypeError: the spec is none of these.

    >>> load_spec({"spec": 1, "base": {"application": "VGG16"}, "cut_at": "block4_pool"}).base.application
    'VGG16'
    """
    if policy is not None:
        rules = load_policy(policy)
        return load_spec(spec, overrides=overrides, file=file, allowed=allowed, inside=inside).kept_by(rules)
    overrides = (overrides,) if isinstance(overrides, str) else tuple(overrides)
    if isinstance(spec, Spec):
        if not overrides:
            return spec.with_source(permitted(spec.source, allowed))
        source = spec.source
    elif isinstance(spec, Mapping):
        source = Source(with_python_numbers(spec), "", file)
    elif isinstance(spec, str) and "\n" in spec:
        source = parse_source(spec, file)
    elif isinstance(spec, str | os.PathLike):
        source = read_source(spec, inside)
    else:
        raise TypeError(f"a spec is a path, a YAML text, a dict or a `Spec`, got `{type(spec).__name__}`")
    # What is imported comes first, so that an override may reach into it, and where it lies is told apart before.
    source = replace(source, is_confined=not allowed.paths)
    of_imports = [each for each in overrides if each.lstrip().startswith("imports")]
    source = imported(overridden(source, of_imports))
    source = overridden(source, [each for each in overrides if each not in of_imports])
    check_swept(source)
    return validate(permitted(expanded(source), allowed))
