"""`lock_spec`: what a spec depends on and makes, as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spec_compiler.compiler import SpecLike, plan_spec
from spec_compiler.language.base import Base
from spec_compiler.locking.lock_file import Lock, lock_of
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec, load_spec
from spec_compiler.spec.file_paths import missing_files
from spec_compiler.spec.permissions import Permissions
from spec_compiler.spec.policy import PolicyLike


def lock_spec(
    spec: SpecLike,
    *,
    base: Any = None,
    overrides: Iterable[str] = (),
    allow_code: bool = False,
    restrict_paths: bool = False,
    policy: PolicyLike | None = None,
) -> Lock:
    """What a spec says, the checksums of all that it depends on, versions, and what it makes; reads no weight.

    `imagenet` weights are downloaded by Keras, as `compile_spec` does it. What else it takes, `compile_spec` says,
    whose `locked` takes the result.

    Raises:
        SpecError: the spec is at fault, or a file that it names is not there.

    Example:
        >>> lock = lock_spec("spec.yaml")  # doctest: +SKIP
        >>> lock.files["vgg16.weights.h5"].sha256  # doctest: +SKIP
        '5f1c…'
    """
    allowed = Permissions(allow_code, not restrict_paths)
    loaded = load_spec(spec, overrides=overrides, allowed=allowed, policy=policy)
    missing_files(loaded)
    plan = plan_spec(loaded, base=base, allow_code=allow_code, restrict_paths=restrict_paths)
    return lock_now(loaded, plan, allowed)


def lock_now(spec: Spec, plan: Plan, allowed: Permissions, *, data: bool = True, remembered: bool = False) -> Lock:
    """The lock of a spec that was planned; `data` and `remembered` are as those of `gathered`."""
    return lock_of(spec, plan, allowed, download_of, data=data, remembered=remembered)


def download_of(base: Base, at: str) -> str:
    """The file of `imagenet` weights, which Keras downloads where it is not there.

    Raises:
        SpecError: SC504; relative to the base.
    """
    from spec_compiler.backend.startup import start  # starts Keras, which most specs are locked without

    start()
    from spec_compiler.backend.models.applications import application, downloaded  # as above

    return downloaded(application(base).download, base)
