"""A plan that can be applied: the JSON of a plan, with the spec that it is of and the lock that it was made under."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.regular import kind_at
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.locking.lock_file import Lock, lock_from
from spec_compiler.reading import Damaged, said_of
from spec_compiler.reading.text import read_json
from spec_compiler.spec import Spec

KEY = "apply"  # of a plan's JSON, beside what it says


@dataclass(frozen=True)
class PlanFile:
    """A plan in a file: what it says, and what it takes to build exactly that.

    `spec` is the path of the spec's file, whether or not it is still there, `text` what stood in it, `policy` the same
    of a policy. `plan` is what the plan says, less all this.
    """

    path: str
    spec: str
    text: str
    overrides: tuple[str, ...]
    lock: Lock
    plan: Mapping[str, Any] = field(repr=False)
    policy: tuple[str, str] | None = None


def applicable(
    plan: Mapping[str, Any], spec: Spec, lock: Lock, overrides: tuple[str, ...], path: str
) -> dict[str, Any]:
    """The JSON of a plan with what `apply` needs; `path` is where it will be, from which its files are named."""
    policy = spec.policy
    said = {
        "spec": {"file": _from(path, spec.source.file), "text": spec.source.text, "overrides": list(overrides)},
        **({"policy": {"file": _from(path, policy.source.file), "text": policy.source.text}} if policy else {}),
        "lock": lock.to_json(),
    }
    return {**plan, KEY: said}


def _from(path: str, file: str | None) -> str:
    """A file as it is named from the folder of another, so that both can be moved together."""
    start = os.path.dirname(os.path.abspath(path))
    return os.path.relpath(os.path.abspath(file), start).replace(os.sep, "/") if file else "spec.yaml"


def read_plan(path: str) -> PlanFile:
    """The plan in a file, of which nothing is believed yet but its form.

    Raises:
        SpecError: SC518 there is none, or it says not how to make what it shows; SC502, SC514 it is damaged.
    """
    if kind_at(path) != "a file":
        make = "`spec-compiler plan spec.yaml -o plan.json` writes one"
        help = did_you_mean_file(os.path.basename(path), path, make)
        raise SpecError.single("SC518", f"there is no plan `{path}`", help=help)
    if path.endswith(SPEC_SUFFIXES):
        help = f"`spec-compiler build {path} -o model.keras` builds it, `plan {path} -o plan.json` plans it"
        raise SpecError.single("SC518", f"`{path}` is a spec, not a plan", help=help)
    with said_of(path, "a plan", "write it anew: `spec-compiler plan spec.yaml -o plan.json`"):
        data = read_json(path)
        if not isinstance(data, dict) or "layers" not in data:
            raise Damaged("it has no `layers`")
        if KEY in data:
            return _parsed(path, data)
    message = f"`{path}` says what would change, not how to make it"
    help = "`spec-compiler plan spec.yaml -o plan.json` writes a plan that can be applied"
    raise SpecError.single("SC518", message, help=help)


def _parsed(path: str, data: Mapping[str, Any]) -> PlanFile:
    said = data[KEY]
    if not isinstance(said, dict) or not isinstance(said.get("spec"), dict):
        raise Damaged(f"its `{KEY}` is none")
    file, text = _named(said["spec"])
    overrides = said["spec"].get("overrides")
    if not isinstance(overrides, list) or not all(isinstance(each, str) for each in overrides):
        raise Damaged(f"the `overrides` in its `{KEY}` are none")
    start = os.path.dirname(path)
    policy = None
    if "policy" in said:
        name, policy_text = _named(said["policy"])
        policy = os.path.normpath(os.path.join(start, name)), policy_text
    plan = {key: value for key, value in data.items() if key != KEY}
    return PlanFile(
        path,
        os.path.normpath(os.path.join(start, file)),
        text,
        tuple(overrides),
        lock_from(said.get("lock")),
        plan,
        policy,
    )


def _named(said: Any) -> tuple[str, str]:
    if not isinstance(said, dict) or not isinstance(said.get("file"), str) or not isinstance(said.get("text"), str):
        raise Damaged(f"a file in its `{KEY}` is none")
    if "\0" in said["file"]:
        raise Damaged(f"a file in its `{KEY}` has no name")
    return said["file"], said["text"]
