"""A lock: what a spec says, all that it depends on, and what it makes, kept as text that diffs well."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.files import Folder
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.files.regular import kind_at
from spec_compiler.files.suffixes import SPEC_SUFFIXES
from spec_compiler.locking.gathered import Dependency, Downloads, gathered
from spec_compiler.locking.plain import plain, written
from spec_compiler.locking.result import result_of
from spec_compiler.locking.versions import keras_settings, versions
from spec_compiler.plan import Plan
from spec_compiler.reading import Damaged, said_of
from spec_compiler.reading.damage import reading
from spec_compiler.reading.text import MAX_BYTES, parsed_json
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions

FORMAT_VERSION = 1
SUFFIX = ".lock"
FREE = ("description", "vars")  # of a spec: what uses a variable says its value


@dataclass(frozen=True, repr=False)
class Lock:
    """What was so when a spec was locked.

    Attributes:
        spec: the name of the spec's file.
        says: what the spec says, after overrides, its blocks written out.
        policy: what a policy asks besides.
        versions: of the compiler, of Keras, its backend, NumPy and Python.
        keras_settings: Keras's own, such as `floatx`.
        files: what the spec depends on, by its names from the spec's folder.
        result: the planned model: digests of the plan and of each layer.
    """

    spec: str
    says: Mapping[str, Any]
    versions: Mapping[str, str]
    keras_settings: Mapping[str, Any]
    files: Mapping[str, Dependency]
    result: Mapping[str, Any]
    policy: Any = None

    def __repr__(self) -> str:
        files = f"{len(self.files)} file{'' if len(self.files) == 1 else 's'}"
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"<Lock of {self.spec}: {files}, {len(self.result['layers'])} layers; {versions}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: versions, files, and the digests."""
        from spec_compiler.diagnostics.cells import cell  # a command shows no cell
        from spec_compiler.locking.lock_cell import shown  # as above

        return cell(*shown(self))

    def to_json(self) -> dict[str, Any]:
        """The lock as plain data; its schema is `schemas/lock.schema.json`."""
        return {
            "format_version": FORMAT_VERSION,
            "spec": self.spec,
            "versions": dict(self.versions),
            "keras_settings": dict(self.keras_settings),
            "files": {name: each.to_json() for name, each in self.files.items()},
            "says": dict(self.says),
            **({} if self.policy is None else {"policy": self.policy}),
            "result": dict(self.result),
        }

    def to_text(self) -> str:
        """The text of the lock's file; the same for the same lock."""
        return written(self.to_json()) + "\n"


def lock_of(
    spec: Spec,
    plan: Plan,
    allowed: Permissions,
    downloads: Downloads = lambda base, at: None,
    *,
    data: bool = True,
    remembered: bool = False,
) -> Lock:
    """What is so now; `downloads` says where Keras keeps the `imagenet` weights of an application.

    `data` and `remembered` are as those of `gathered`.

    Raises:
        SpecError: SC501, SC510; located.
    """
    return Lock(
        spec=os.path.basename(spec.source.file or "spec"),
        says=said_by(spec),
        versions=versions(),
        keras_settings=keras_settings(),
        files=gathered(spec, allowed, downloads, data=data, remembered=remembered),
        result=plain_result(plan),
        policy=policy_of(spec),
    )


def said_by(spec: Spec) -> dict[str, Any]:
    """What a spec says, as plain data, less what no result depends on."""
    said: dict[str, Any] = plain({key: value for key, value in spec.source.data.items() if key not in FREE})
    return said


def policy_of(spec: Spec) -> Any:
    """What a policy asks of the result, None without one."""
    return None if spec.policy is None else plain(spec.policy.source.data)


def plain_result(plan: Plan) -> dict[str, Any]:
    """The planned result, the layers in their order."""
    return result_of(plan)


def lock_name(spec: str) -> str:
    """The lock beside a spec.

    >>> lock_name("specs/fast.yaml"), lock_name("fast")
    ('specs/fast.lock', 'fast.lock')
    """
    start, suffix = os.path.splitext(spec)
    return (start if suffix in SPEC_SUFFIXES else spec) + SUFFIX


def read_lock(path: str, spec: str | None = None, folder: Folder | None = None) -> Lock:
    """The lock in a file; `spec` is what messages say to lock.

    Raises:
        SpecError: SC518 there is none, or it is none; SC502, SC514 it is damaged.
    """
    make = f"`spec-compiler lock {spec or 'spec.yaml'}` makes it"
    kind = kind_at(path)
    if kind != "a file":
        message = f"there is no lock `{path}`" if kind is None else f"`{path}` is {kind}, not a lock"
        near = did_you_mean_file(os.path.basename(path), path) if spec is None else None
        raise SpecError.single("SC518", message, help=near if near and near.startswith("did") else make)
    with said_of(path, "a lock", f"take it from your version control, or {make} anew"):
        with reading(), (folder or Folder()).open(path) as stream:
            data = stream.read(MAX_BYTES + 1)
        return lock_from(parsed_json(data))


def lock_from(data: Any) -> Lock:
    """The lock that `to_json` wrote.

    Raises:
        Damaged: it is none.
    """
    if not isinstance(data, dict) or "format_version" not in data:
        raise Damaged("it has no `format_version`")
    if data["format_version"] != FORMAT_VERSION:
        raise Damaged(f"its format is {data['format_version']}, this version of spec_compiler reads {FORMAT_VERSION}")
    for key, kind in _FIELDS.items():
        if not isinstance(data.get(key), kind):
            raise Damaged(f"its `{key}` is damaged" if key in data else f"it has no `{key}`")
    if not all(isinstance(each, str) for each in data["versions"].values()):
        raise Damaged("its `versions` are damaged")
    result = data["result"]
    if not isinstance(result.get("layers"), dict) or not all(
        isinstance(each, str) for each in result["layers"].values()
    ):
        raise Damaged("its `result` is damaged")
    files = {name: _dependency(each) for name, each in data["files"].items()}
    return Lock(data["spec"], data["says"], data["versions"], data["keras_settings"], files, result, data.get("policy"))


_FIELDS: Mapping[str, type] = {
    "spec": str,
    "says": dict,
    "versions": dict,
    "keras_settings": dict,
    "files": dict,
    "result": dict,
}


def _dependency(data: Any) -> Dependency:
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("kind", "at")):
        raise Damaged("one of its `files` is damaged")
    path = data.get("path")
    if not isinstance(path, list) or not all(type(part) in (str, int) for part in path):
        raise Damaged("the `path` of one of its `files` is damaged")
    texts = {key: data.get(key) for key in ("sha256", "version")}
    counts = {key: data.get(key) for key in ("bytes", "files")}
    if not all(isinstance(each, str | None) for each in texts.values()) or not all(
        each is None or type(each) is int for each in counts.values()
    ):
        raise Damaged("one of its `files` is damaged")
    return Dependency(
        data["kind"], tuple(path), data["at"], counts["bytes"], texts["sha256"], texts["version"], counts["files"]
    )
