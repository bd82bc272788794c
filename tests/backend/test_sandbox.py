"""`--sandbox`: code that a base runs tries everything that it should not, and is refused each time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spec_compiler.files import whole
from spec_compiler.sandbox import landlock, missing_means, parent
from spec_compiler.sandbox.results import take_over
from tests.backend.sessions import copied

pytestmark = pytest.mark.skipif(bool(missing_means()), reason=f"no {', '.join(missing_means())} here")

ATTACKS = {
    "network": "socket.create_connection(('127.0.0.1', 9))",
    "datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "shell": "subprocess.run(['sh', '-c', 'true'])",
    "program": "os.execv('/bin/true', ['true'])",
    "process": "os.fork()",
    "secret": "open('SECRET').read()",
    "folder": "os.listdir('OUTSIDE')",
    "home": "open('OUTSIDE/new', 'w')",
    "beside": "open('FOLDER/new', 'w')",
    "over": "open('FOLDER/model.keras', 'r+b')",
    "rename": "os.rename('FOLDER/model.keras', 'FOLDER/stolen')",
    "unlink": "os.unlink('FOLDER/model.keras')",
    "link": "os.link('SECRET', tempfile.gettempdir() + '/link')",
    "symlink": "(os.symlink('SECRET', tempfile.gettempdir() + '/s'), open(tempfile.gettempdir() + '/s'))",
    "environment": "open('/proc/PARENT/environ').read()",
    "signal": "os.kill(PARENT, signal.SIGTERM)",
}
MODULE = """
import os, signal, socket, subprocess, tempfile, json
import keras
ATTACKS = {attacks}
def base():
    said = {{}}
    for name, attack in ATTACKS.items():
        try:
            eval(attack)
            said[name] = "done"
        except BaseException as error:
            said[name] = repr(error)
    said["secret of the environment"] = os.environ.get("SECRET_KEY", "not there")
    print("SAID", json.dumps(said))
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2, name="only")(inputs))
"""


@pytest.fixture
def folder(session_folder: Path, tmp_path: Path) -> Path:
    project = copied(session_folder, tmp_path / "project")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("a key")
    (project / "spec.yaml").write_text("spec: 1\nbase: {file: model.keras}\ncut_at: pool\nhead: [{Dense: 3}]\n")
    (project / "code.yaml").write_text("spec: 1\nbase: {python: 'attacking:base'}\n")
    return project


def called(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "SECRET_KEY": "a key", "PYTHONPATH": root, "SPEC_COMPILER_CACHE": "off"}
    line = [sys.executable, "-m", "spec_compiler", *words]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_code_in_the_sandbox_reaches_nothing(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    attacks = {
        name: text.replace("SECRET", str(outside / "secret")).replace("OUTSIDE", str(outside))
        .replace("FOLDER", str(folder)).replace("PARENT", str(os.getpid()))
        for name, text in ATTACKS.items()
    }  # fmt: skip
    (folder / "attacking.py").write_text(MODULE.format(attacks=attacks))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = called(folder, "plan", "code.yaml", "--allow-code", "--sandbox")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("SAID "))
    said = json.loads(line.removeprefix("SAID "))
    assert said.pop("secret of the environment") == "not there"
    refused = ("PermissionError", "BlockingIOError", "OSError(18")  # EXDEV: Landlock's word for a link out of a folder
    assert {name: what for name, what in said.items() if not what.startswith(refused)} == {}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    (folder / "attacking.py").write_text(MODULE.format(attacks={"secret": attacks["secret"]}))
    free = called(folder, "plan", "code.yaml", "--allow-code")  # it works where nothing holds it
    assert '"secret": "done"' in free.stdout


def test_memory_and_time_are_limited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "attacking.py").write_text("def base():\n    return bytearray(10 ** 13)\n")
    done = called(folder, "plan", "code.yaml", "--allow-code", "--sandbox")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    (folder / "attacking.py").write_text("def base():\n    while True: pass\n")
    monkeypatch.chdir(folder)
    grant = parent.Grant((str(folder), os.path.expanduser("~/.keras")), seconds=8)
    assert parent.run(["plan", "code.yaml", "--allow-code"], grant) == 128 + signal.SIGXCPU


def test_what_it_makes_is_where_it_belongs(folder: Path) -> None:
    done = called(folder, "build", "spec.yaml", "-o", "new/built.keras", "--sandbox")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(folder / "new")) == ["built.keras", "built.ledger.json"]
    again = called(folder, "build", "spec.yaml", "-o", "new/built.keras", "--sandbox")
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    assert called(folder, "diagram", "spec.yaml", "-o", "new/drawn.html", "--sandbox").returncode == 0
    assert called(folder, "check", "spec.yaml", "--sandbox").returncode == 0
    assert called(folder, "layers", "spec.yaml", "--sandbox").returncode == 0
    picture = called(folder, "diagram", "spec.yaml", "-o", "new/drawn.svg", "--sandbox")
    assert (picture.returncode, "Graphviz" in picture.stderr) == (2, True)


@pytest.mark.parametrize(
    "manifest",
    ["[]", "{", "[[1, 2]]", '[["/etc/passwd", "PLACE"]]', '[["FOLDER/link", "PLACE"]]', '[["FOLDER/a", "FOLDER/b"]]'],
)
def test_a_process_without_rights_is_not_believed(tmp_path: Path, manifest: str) -> None:
    private, place = tmp_path / "private", tmp_path / "out.txt"
    private.mkdir()
    (private / "a").write_text("made")
    (private / "link").symlink_to("/etc/passwd")
    text = manifest.replace("PLACE", str(place)).replace("FOLDER", str(private))
    (private / whole.MANIFEST).write_text(text)
    with pytest.raises(PermissionError):
        take_over(str(private), [str(place)], replace=True)
    assert not place.exists()


def test_a_pipe_in_place_of_the_manifest_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / whole.MANIFEST)
    with pytest.raises(PermissionError):
        take_over(str(tmp_path), [str(tmp_path / "x")], replace=True)


@pytest.mark.slow  # six processes that load Keras
def test_what_is_locked_planned_applied_and_verified_in_the_sandbox(folder: Path) -> None:
    for words in (
        ["lock", "spec.yaml"],
        ["build", "spec.yaml", "-o", "new/built.keras", "--locked"],
        ["plan", "spec.yaml", "-o", "plan.json"],
        ["apply", "plan.json", "-o", "new/applied.keras"],
        ["verify", "new/built.keras", "spec.yaml"],
        ["verify", "new/applied.keras"],
    ):
        done = called(folder, *words, "--sandbox")
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    assert (folder / "new" / "built.keras").read_bytes() == (folder / "new" / "applied.keras").read_bytes()


def test_what_is_exported_in_the_sandbox_is_run_and_compared_there(folder: Path) -> None:
    output = "new/model.xml"  # of two files and a card, of which one names another
    done = called(folder, "export", "model.keras", "-o", output, "--sandbox")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(folder / "new")) == ["model.bin", "model.xml", "model.xml.json"]
    again = called(folder, "export", "model.keras", "-o", output, "--sandbox")
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    compared = called(folder, "export", "model.keras", "-o", output, "--compare", "--sandbox")
    assert compared.returncode == 0, compared.stderr
    saved = called(folder, "export", "model.keras", "-o", "saved/", "--sandbox")
    assert (saved.returncode, "a SavedModel is a folder" in saved.stderr) == (2, True)


def test_where_there_is_no_sandbox_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert missing_means() == ("landlock",)
    with pytest.raises(parent.NoSandbox, match="this system has no Landlock"):
        parent.run(["check"], parent.Grant(()))
