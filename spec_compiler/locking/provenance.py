"""Where a model comes from, as a member of its `.keras` file: the spec, the lock, and the ledger by its digest.

Keras reads the file as any other model and leaves the member out when it saves the model again, so that whoever finds
it knows that the file is as it was written. It holds no date and no path of the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, Literal

from spec_compiler.locking.lock_file import Lock, lock_from
from spec_compiler.locking.plain import plain, written
from spec_compiler.reading import Damaged
from spec_compiler.reading.archive import SIGNATURE, open_archive
from spec_compiler.reading.damage import reading
from spec_compiler.reading.text import MAX_BYTES, parsed_json
from spec_compiler.spec import Spec

MEMBER = "spec_compiler.provenance.json"
FORMAT_VERSION = 1

Made = Literal["built", "trained"]


@dataclass(frozen=True)
class Provenance:
    """What a `.keras` file says of where it comes from.

    `ledger` is the SHA-256 of the file of the ledger that was written beside it, `overrides` what `--set` changed.
    """

    made: Made
    spec: str
    text: str
    overrides: tuple[str, ...]
    policy: str | None
    lock: Lock
    ledger: str | None


def provenance_of(
    spec: Spec, lock: Lock, ledger: bytes | None, *, overrides: tuple[str, ...] = (), made: Made = "built"
) -> bytes:
    """The member of a model that a spec made; `ledger` is the content of the ledger's file."""
    text = spec.source.text
    said = {
        "format_version": FORMAT_VERSION,
        "made": made,
        "spec": {
            "file": os.path.basename(spec.source.file or "spec.yaml"),
            "text": text or f"{json.dumps(plain(spec.source.data))}\n",  # of a dict, which overrides are in
            "overrides": list(overrides) if text else [],
        },
        "policy": spec.policy.source.text if spec.policy is not None else None,
        "lock": lock.to_json(),
        "ledger": digest_of(ledger) if ledger is not None else None,
    }
    return (written(said) + "\n").encode("utf-8", "surrogateescape")


def digest_of(content: bytes) -> str:
    """By what the content of a file, a ledger for one, is known again: its SHA-256."""
    return hashlib.sha256(content).hexdigest()


def read_provenance(path: str) -> Provenance | None:
    """What a model's file says of where it comes from; None where it says nothing.

    Raises:
        Damaged: what it says is damaged.
        Hostile: it is made to lead a reader astray.
    """
    with reading(), open(path, "rb") as stream:
        if stream.read(len(SIGNATURE)) != SIGNATURE:
            return None
    with open_archive(path) as archive:
        if MEMBER not in archive:
            return None
        data = parsed_json(archive.read(MEMBER, MAX_BYTES))
    return _parsed(data)


def _parsed(data: Any) -> Provenance:
    if not isinstance(data, dict) or data.get("format_version") != FORMAT_VERSION:
        raise Damaged(f"its `{MEMBER}` is of another version, or none")
    spec = data.get("spec")
    texts = spec if isinstance(spec, dict) else {}
    overrides = texts.get("overrides")
    named = isinstance(texts.get("file"), str) and isinstance(texts.get("text"), str)
    if not named or not isinstance(overrides, list) or not all(isinstance(each, str) for each in overrides):
        raise Damaged(f"the `spec` in its `{MEMBER}` is none")
    policy, ledger, made = data.get("policy"), data.get("ledger"), data.get("made")
    if not isinstance(policy, str | None) or not isinstance(ledger, str | None) or made not in ("built", "trained"):
        raise Damaged(f"its `{MEMBER}` is none")
    file = os.path.basename(texts["file"])
    return Provenance(made, file, texts["text"], tuple(overrides), policy, lock_from(data.get("lock")), ledger)
