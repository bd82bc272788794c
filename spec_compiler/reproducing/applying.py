"""`apply_plan`: exactly what was planned, or nothing."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import Any

from spec_compiler.compiler import compile_spec
from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder
from spec_compiler.files.regular import kind_at
from spec_compiler.locking.held import Held
from spec_compiler.locking.plain import digest
from spec_compiler.locking.plan_file import PlanFile, read_plan
from spec_compiler.result import CompiledSpec
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import Policy, load_policy


def apply_plan(
    plan: str | os.PathLike[str],
    *,
    base: Any = None,
    allow_code: bool = False,
    restrict_paths: bool = False,
    prove: bool = False,
    probe: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> CompiledSpec:
    """The model that a plan shows, which `spec-compiler plan SPEC -o plan.json` wrote; nothing where it is stale.

    A plan is trusted no more than a spec: what else it takes, `compile_spec` says.

    Args:
        plan: the file.

    Raises:
        SpecError: SC517 what is no longer as it was planned: the spec, a file, a version, a layer; SC518 the file is no
            such plan, or shows another one than it would build; whatever the spec is at fault.

    Example:
        >>> compiled = apply_plan("plan.json")  # doctest: +SKIP
        >>> compiled.model.output_shape  # doctest: +SKIP
        (None, 8)
    """
    planned, _ = planned_before(os.fspath(plan), Permissions(allow_code, not restrict_paths))
    return compile_spec(
        planned.spec,
        base=base,
        allow_code=allow_code,
        restrict_paths=restrict_paths,
        prove=prove,
        probe=probe,
        force=force,
        locked=planned,
    )


def planned_before(path: str, allowed: Permissions) -> tuple[Held, tuple[str, ...]]:
    """The spec of a plan, held to what was so when it was planned, and what `--set` changed in it.

    Raises:
        SpecError: SC518, SC502, SC510, and whatever the spec is at fault.
    """
    plan = read_plan(path)
    if digest(plan.plan) != plan.lock.result.get("plan"):
        message = f"what `{path}` shows is not what it would build: the file was changed after it was written"
        raise SpecError.single("SC518", message, help=f"write it anew: `{_again(plan)}`")
    place = os.path.dirname(os.path.abspath(path))
    folder = Folder(place, root=place if not allowed.paths else None)
    if folder.escape(os.path.relpath(plan.spec, place)) is not None:
        message = f"the spec `{plan.spec}` is not in the folder of `{path}`"
        help = "the caller restricts paths (`--restrict-paths`): write the plan beside the spec"
        raise SpecError.single("SC510", message, help=help)
    spec = _spec(plan, allowed)
    help = f"plan it anew: `{_again(plan)}`"
    return Held(spec, plan.lock, allowed, f"`{os.path.basename(path)}`", help), plan.overrides


def _spec(plan: PlanFile, allowed: Permissions) -> Spec:
    """The spec as it is now; where its file is gone, as it was."""
    policy = None
    if plan.policy is not None:
        file, text = plan.policy
        policy = load_policy(file if kind_at(file) == "a file" else _policy(text, file))
    if kind_at(plan.spec) == "a file":
        return load_spec(plan.spec, overrides=plan.overrides, allowed=allowed, policy=policy)
    text = plan.text if "\n" in plan.text else f"{plan.text}\n"  # else it would be taken for a path
    return load_spec(text, overrides=plan.overrides, file=plan.spec, allowed=allowed, policy=policy)


def _policy(text: str, file: str) -> Policy:
    policy = load_policy(text if "\n" in text else f"{text}\n")
    return policy._replace(source=replace(policy.source, file=file))


def _again(plan: PlanFile) -> str:
    sets = "".join(f" --set {shlex.quote(each)}" for each in plan.overrides)
    policy = f" --policy {shlex.quote(plan.policy[0])}" if plan.policy is not None else ""
    return f"spec-compiler plan {shlex.quote(plan.spec)}{sets}{policy} -o {shlex.quote(plan.path)} --force"
