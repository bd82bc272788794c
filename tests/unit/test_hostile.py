"""Specs from strangers: each is refused with a clear error, within a second and within 200 MB, and runs nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spec_compiler import check_spec
from spec_compiler.diagnostics import Diagnostic
from tests.unit.bombs import BASE, BOMBS
from tests.unit.forked import Forked

SECONDS, MEGABYTES = 1.0, 200
# The start of Python and the imports are not the spec's doing, so the clock starts behind them.
PREPARED = """
import json, resource, sys, time
def peak():  # getrusage counts the process that started this one as well
    try:
        lines = open("/proc/self/status").read().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
from spec_compiler import check_spec
from spec_compiler.keras_facts.catalogue import catalogue
catalogue()
check_spec({"spec": 1, "head": [{"Dense": 3}]}, static=True)
from tests.fuzz.valid_specs import vgg16
from spec_compiler.language.base import Base
from spec_compiler.memory.bases import base_key, keep_graph
for top in (True, False):  # so that names are looked up as well
    said = {"application": "VGG16", "weights": None} | ({} if top else {"include_top": False})
    keep_graph(base_key(Base.model_validate(said), "."), vgg16((224, 224, 3), top))
"""
PROGRAM = """
import json, sys, time
from __main__ import check_spec, peak
start = time.process_time()
found = check_spec(sys.argv[1], static=True, restrict_paths=True)
seconds = time.process_time() - start
print(json.dumps([[each.code for each in found], seconds, peak()]))
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghijklmn", "bcdefghijklmno", strict=True)
)
HOSTILE: dict[str, tuple[bytes, str]] = {
    "alias-bomb": (BOMB.encode(), "SC005"),
    "aliases-of-one-long-list": (b"a: &a [" + b"x, " * 4_000 + b"x]\nb: [" + b"*a, " * 900 + b"*a]\n", "SC005"),
    "anchor-of-itself": (b"a: &a [*a]\n", "SC001"),
    "nested-lists": (b"a: " + b"[" * 10_000, "SC005"),
    "nested-mappings": (b"a: " + b"{b: " * 10_000, "SC005"),
    "nested-blocks": ("\n".join(" " * depth + "a:" for depth in range(1300)).encode(), "SC005"),
    "many-values": (b"a: [" + b"1, " * 80_000 + b"1]\n", "SC005"),
    "many-keys": ("".join(f"k{n}: {n}\n" for n in range(20_000)).encode(), "SC005"),
    "many-comments": (b"#\n" * 120_000, "SC003"),
    "a-long-line": (b"name: " + b"x" * 240_000 + b"\n", "SC102"),
    "a-long-quote": (b"name: '" + b"'' " * 80_000 + b"'\n", "SC102"),
    "a-long-key": (b"spec: 1\n" + b"x" * 900 + b": 1\n", "SC101"),
    "not-a-number": ((BASE + "head: [{Dropout: .nan}]\n").encode(), "SC103"),
    "infinity": ((BASE + "head: [{Dropout: .inf}]\n").encode(), "SC107"),
    "a-huge-integer": ((BASE + f"head: [{{Dense: {'9' * 380}}}]\n").encode(), "SC103"),
    "a-number-of-a-million-digits": (b"spec: 1\nseed: " + b"9" * 240_000, "SC103"),
    "a-huge-power": (b"spec: 1\nseed: 1e999999999\n", "SC103"),
    "not-utf-8": (b"spec: 1\nname: \xff\xfe\n", "SC004"),
    "null-bytes": (b"spec: 1\nname: a\x00b\n", "SC001"),
    "a-null-byte-in-a-folder": (b'spec: 1\nbase: {file: "a\\0b/x.keras"}\n', "SC501"),
    "a-null-byte-in-a-spec": (b'spec: 1\nbase: {spec: "a\\0b/x.yaml"}\n', "SC501"),
    "half-a-character-in-a-folder": (b'spec: 1\nbase: {file: "\\ud800/x.keras"}\n', "SC501"),
    "only-null-bytes": (b"\x00" * 240_000, "SC001"),
    "a-python-tag": (b"spec: 1\nname: !!python/object/apply:os.system ['touch pwned']\n", "SC006"),
    "a-binary-tag": (b"spec: 1\nname: !!binary aGVsbG8=\n", "SC006"),
    "a-parent-folder": (b"spec: 1\nbase: {file: ../../secret.keras}\n", "SC510"),
    "an-absolute-path": (b"spec: 1\nbase: {application: VGG16, weights: /etc/secret.h5}\n", "SC510"),
    "a-home-folder": (b"spec: 1\nbase: {application: VGG16, weights: ~/secret.h5}\n", "SC510"),
    "a-python-base": (b"spec: 1\nbase: {python: 'os:getcwd'}\n", "SC112"),
    "a-python-base-among-several": (b"spec: 1\nbases: {a: {python: 'os:getcwd'}, b: {application: VGG16}}\n", "SC112"),
    "a-lambda": ((BASE + "head: [{Lambda: {function: 'os:getcwd'}}]\n").encode(), "SC112"),
    "a-function-for-a-lambda": ((BASE + "set: [{layers: fc1, to: {function: 'os:getcwd'}}]\n").encode(), "SC112"),
    "a-mask-for-a-lambda": ((BASE + "set: [{layers: fc1, to: {mask: 'os:getcwd'}}]\n").encode(), "SC112"),
    "a-lambda-alone": ((BASE + "insert: [{after: fc1, with: [Lambda]}]\n").encode(), "SC112"),
    "a-lambda-in-a-wrapper": ((BASE + "head: [{TimeDistributed: {layer: {Lambda: {}}}}]\n").encode(), "SC112"),
    "a-serialised-lambda": (
        (BASE + "head: [{TimeDistributed: {layer: {class_name: Lambda, config: {}}}}]\n").encode(),
        "SC112",
    ),
    "a-foreign-module": (
        (
            BASE + "head: [{Dense: {units: 3, kernel_initializer: {module: os, class_name: system, config: x}}}]\n"
        ).encode(),
        "SC112",
    ),
    "a-saved-graph": ((BASE + "head: [{TFSMLayer: {filepath: x}}]\n").encode(), "SC112"),
    "a-slow-pattern": ((BASE + f"freeze: /{'(a+)+' * 20}$/\n").encode(), "SC201"),
    "another-slow-pattern": ((BASE + f"freeze: /{'a*' * 20}b/\n").encode(), ""),
    "variables-that-multiply": (
        (
            "spec: 1\nvars:\n  a: [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"  {name}: ['${{{before}}}', '${{{before}}}', '${{{before}}}', '${{{before}}}', '${{{before}}}']\n"
                for before, name in zip("abcdefghijklm", "bcdefghijklmn", strict=True)
            )
            + "description: ${n}\n"
        ).encode(),
        "SC005",
    ),
    "variables-in-a-text": (
        (
            "spec: 1\nvars:\n  a: xxxxxxxxxx\n"
            + "".join(
                f"  {name}: '{f'${{{before}}}' * 10}'\n" for before, name in zip("abcdefghi", "bcdefghij", strict=True)
            )
            + "description: ${j}\n"
        ).encode(),
        "SC005",
    ),
}
HOSTILE |= BOMBS


Measured = Callable[[Path], tuple[list[str], float, float]]


@pytest.fixture(scope="module")
def prepared() -> Iterator[Forked]:
    found = Forked(PREPARED)
    yield found
    found.close()


@pytest.fixture
def measured(prepared: Forked) -> Measured:
    """The codes for a spec, in a process of its own, with its seconds and megabytes."""
    return lambda path: _measured(prepared, path)


def _measured(prepared: Forked, path: Path) -> tuple[list[str], float, float]:
    run = prepared.run(PROGRAM, str(path))
    assert run.returncode == 0, run.stderr[-2000:]
    codes, seconds, megabytes = json.loads(run.stdout)
    return codes, seconds, megabytes


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_spec(name: str, tmp_path: Path, measured: Measured) -> None:
    raw, code = HOSTILE[name]
    path = tmp_path / "spec.yaml"
    path.write_bytes(raw)
    codes, seconds, megabytes = measured(path)
    assert any(each.startswith(code) for each in codes) or not code, codes
    assert seconds < SECONDS
    assert megabytes < MEGABYTES
    assert not (tmp_path / "pwned").exists()


def test_a_hundred_megabytes(tmp_path: Path, measured: Measured) -> None:
    path = tmp_path / "spec.yaml"
    with path.open("wb") as stream:
        stream.write(BASE.encode())
        stream.seek(100_000_000)
        stream.write(b"\n")
    codes, seconds, megabytes = measured(path)
    assert codes == ["SC005"]
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file(kind: str, tmp_path: Path, measured: Measured) -> None:
    path = tmp_path / "spec.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    codes, seconds, _ = measured(path)
    assert codes in (["SC004"], ["SC005"])
    assert seconds < SECONDS


def restricted(path: Path, text: str) -> list[Diagnostic]:
    path.write_text(text, encoding="utf-8")
    return list(check_spec(os.fspath(path), static=True, restrict_paths=True))


def test_a_link_out_of_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "specs"
    inside.mkdir()
    (tmp_path / "secret.keras").write_bytes(b"secret")
    (inside / "model.keras").symlink_to(tmp_path / "secret.keras")
    found = restricted(inside / "spec.yaml", "spec: 1\nbase: {file: model.keras}\n")
    assert [(each.code, each.line, each.column) for each in found] == [("SC510", 2, 14)]
    assert "through a link" in found[0].message
    (inside / "own.keras").write_bytes(b"own")
    assert [each.code for each in restricted(inside / "spec.yaml", "spec: 1\nbase: {file: own.keras}\n")] == ["SC502"]
    assert [each.code for each in restricted(inside / "spec.yaml", "spec: 1\nbase: {file: ./own.keras}\n")] == ["SC502"]


def test_a_variable_or_an_override_hides_nothing(tmp_path: Path) -> None:
    text = "spec: 1\nvars: {where: ..}\nbase: {file: '${where}/secret.keras'}\n"
    assert [each.code for each in restricted(tmp_path / "spec.yaml", text)] == ["SC510"]
    text = "spec: 1\nvars: {layer: Lambda}\nbase: {application: VGG16}\nhead: ['${layer}']\n"
    assert "SC112" in {each.code for each in restricted(tmp_path / "spec.yaml", text)}


def test_the_callers_own_functions_need_no_permission() -> None:
    """Only Python can put a function into a spec, and there the caller wrote it."""
    assert check_spec({"spec": 1, "head": [{"Lambda": {"function": len}}]}, static=True) == ()
