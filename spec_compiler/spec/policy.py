"""A policy: what every result must keep, said outside of the specs, so that none of them can relax it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, show
from spec_compiler.language.section import Section
from spec_compiler.spec.expect import KEYS, Expect
from spec_compiler.spec.messages import said_of
from spec_compiler.text.source import Source
from spec_compiler.text.yaml_text import parse_source, read_source


class Policy(NamedTuple):
    """The promises of a policy, and the text that they stand in."""

    expect: Expect
    source: Source

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return os.path.basename(self.source.file or "policy")


PolicyLike = str | os.PathLike[str] | Mapping[str, Any] | Policy


class _File(Section):
    """All that a policy says."""

    expect: Expect = Field(description="What every result must keep.")


def load_policy(policy: PolicyLike) -> Policy:
    """The policy in a file, in a YAML text (a string with a line break), in a plain dict, or as it is.

    Raises:
        SpecError: SC001 to SC006, SC501, and every mistake in its fields, located in the policy.

    >>> load_policy({"expect": {"parameters": {"at_most": "25M"}}}).expect.parameters.text
    'at most 25,000,000'
    """
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, Mapping):  # as a text, so that its diagnostics have a place that is not in the spec
        source = parse_source(json.dumps(policy, ensure_ascii=False), "<policy>")
    elif isinstance(policy, str) and "\n" in policy:
        source = parse_source(policy, "<policy>")
    else:
        source = read_source(policy, what="policy")
    with source.locating():
        _check_keys(source.data)
        try:
            return Policy(_File.model_validate(source.data).expect, source)
        except ValidationError as error:
            raise SpecError(said_of(error, _File.model_fields)) from None


def _check_keys(data: Any) -> None:
    if not isinstance(data, dict):
        message = f"a policy is a mapping, got {show(data)}"
        raise SpecError.single("SC103", message, help="a policy begins with `expect:`")
    problems = []
    for key in data:
        if key != "expect":
            otherwise = "write it below `expect:`" if key in KEYS else "its only key is `expect`"
            help = did_you_mean(str(key), ["expect"], otherwise)
            problems.append(Diagnostic("SC101", f"a policy has no key `{key}`", (str(key),), at_key=True, help=help))
    if not problems and not data.get("expect"):
        problems.append(
            Diagnostic("SC102", "a policy needs `expect`", help="for example `expect: {absent: type:Lambda}`")
        )
    if problems:
        raise SpecError(problems)
