"""The gate at work: what a spec's folder finds, opens and holds, and what it refuses."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spec_compiler import SpecError, load_spec
from spec_compiler.files import Folder
from spec_compiler.files.regular import Left, NotRegular, opened
from spec_compiler.files.run_folder import check_run_folder
from spec_compiler.spec.permissions import Permissions

RESTRICTED = Permissions(code=True, paths=False)


def test_a_module_is_judged_as_well(tmp_path: Path) -> None:
    spec, outside = tmp_path / "spec", tmp_path / "outside.py"
    spec.mkdir()
    outside.write_text("def made(): ...\n", encoding="utf-8")
    (spec / "mine.py").symlink_to(outside)
    (spec / "own.py").write_text("def made(): ...\n", encoding="utf-8")
    text = "spec: 1\nbase: {python: '%s:made'}\ndata: {train: '%s:made'}\nhead: [{Lambda: {function: '%s:made'}}]\n"
    (spec / "a.yaml").write_text(text % (("mine",) * 3), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(spec / "a.yaml", allowed=RESTRICTED)
    assert [each.code for each in caught.value.diagnostics] == ["SC510"] * 3
    (spec / "a.yaml").write_text(text % (("own",) * 3), encoding="utf-8")
    assert load_spec(spec / "a.yaml", allowed=RESTRICTED).source.folder.is_confined


def test_only_the_gate_makes_paths_of_names() -> None:
    """`expanduser` is how a name becomes a path: nowhere else, but where Keras's own folder is."""
    package = Path(__file__).parents[2] / "spec_compiler"
    found = {path.name for path in package.rglob("*.py") if "expanduser(" in path.read_text(encoding="utf-8")}
    assert found == {"folder.py", "applications.py", "settings.py"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize("confined", [False, True])
def test_nothing_but_a_file_is_opened_finding_S18(tmp_path: Path, confined: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    folder = Folder(str(tmp_path), root="/" if confined else None)
    for name in ("pipe", "null", "."):
        with pytest.raises(NotRegular):
            folder.open(str(tmp_path / name))
        with pytest.raises(SpecError) as caught:
            folder.file(name, "model file")
        assert caught.value.diagnostics[0].code == "SC501"


def test_what_was_judged_is_what_is_read(tmp_path: Path) -> None:
    """A link that leads elsewhere after it was judged changes nothing."""
    spec = tmp_path / "spec"
    spec.mkdir()
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (spec / "own").write_text("own", encoding="utf-8")
    (spec / "name.keras").symlink_to("own")
    folder = Folder(str(spec), root=str(spec))
    path = folder.file("name.keras", "model file")
    (spec / "name.keras").unlink()
    (spec / "name.keras").symlink_to("../secret")
    assert os.path.basename(path) == "name.keras"
    assert Path(path).read_text(encoding="utf-8") == "own"
    assert folder.file("name.keras", "model file") == path if folder.escape("name.keras") is None else True
    with pytest.raises(Left):
        folder.open(str(spec / "name.keras"))
    room = os.path.dirname(os.path.dirname(path))
    assert stat.S_IMODE(os.stat(room).st_mode) == 0o700
    del folder
    assert not os.path.exists(room)


def test_without_descriptors_as_paths_a_copy_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.keras").write_bytes(b"own")
    isdir = os.path.isdir
    monkeypatch.setattr("os.path.isdir", lambda path: not str(path).startswith("/proc") and isdir(path))
    folder = Folder(str(tmp_path), root=str(tmp_path))
    path = folder.file("own.keras", "model file")
    assert not os.path.islink(path)
    (tmp_path / "own.keras").write_bytes(b"other")
    assert Path(path).read_bytes() == b"own"


def test_a_spec_that_was_loaded_freely_is_confined_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("spec: 1\nbase: {file: ../x.keras}\n", encoding="utf-8")
    loaded = load_spec(tmp_path / "a.yaml")
    assert not loaded.source.folder.is_confined
    with pytest.raises(SpecError, match="leaves"):
        load_spec(loaded, allowed=Permissions(paths=False))
    inside = load_spec("spec: 1\nbase: {file: x.keras}\n")
    assert load_spec(inside, allowed=Permissions(paths=False)).source.folder.is_confined
    assert not inside.source.folder.is_confined


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("descriptors cannot be counted here")
    (tmp_path / "own.keras").write_bytes(b"own")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        Folder(str(tmp_path), root=str(tmp_path)).file("own.keras", "model file")
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_package_in_the_callers_folder_is_not_installed_finding_S6(tmp_path: Path) -> None:
    """With `python -m` the folder that the caller is in is searched for modules, and for packages."""
    secret = tmp_path / "secret.weights.h5"
    secret.write_bytes(b"secret")
    spec = tmp_path / "spec"
    (spec / "evil-1.0.dist-info").mkdir(parents=True)
    (spec / "evil-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (spec / "evil-1.0.dist-info" / "RECORD").write_text("own.weights.h5,,\n")
    (spec / "own.weights.h5").symlink_to("../secret.weights.h5")
    (spec / "a.yaml").write_text("spec: 1\nbase: {application: VGG16, weights: package:evil/own.weights.h5}\n")
    command = [sys.executable, "-m", "spec_compiler", "check", "--static", "--restrict-paths", "a.yaml"]
    root = os.fspath(Path(__file__).parents[2])
    found = subprocess.run(
        command, cwd=spec, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert "SC501" in found.stdout + found.stderr
    assert "no package `evil` is installed" in found.stdout + found.stderr


def test_files_that_open_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with opened(str(tmp_path / "a")) as stream:
        assert stream.read() == b"a"
    with pytest.raises(OSError, match="no path"):
        opened("a\0b")


def test_a_changed_copy_of_a_spec_stays_confined() -> None:
    confined = load_spec("spec: 1\nbase: {file: x.keras}\n", allowed=Permissions(paths=False))
    assert confined.model_copy(update={"base": {"file": "y.keras"}}).source.folder.is_confined


def test_the_logs_of_a_run_are_no_link_finding_S1(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "run" / "tensorboard").symlink_to(tmp_path / "outside")
    for options in ({"resume": True, "force": False}, {"resume": False, "force": True}):
        with pytest.raises(SpecError, match="is a link"):
            check_run_folder(str(tmp_path / "run"), **options)
