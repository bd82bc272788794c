"""Model files made to lead a reader astray: each is refused at its place in the spec, and nothing is followed.

What the links of the HDF5 files lead to is a pipe, so that a reader which follows one never comes back.
"""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

from spec_compiler import Diagnostic, SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.weights.files import admitted
from tests.backend import hostile
from tests.backend.conftest import randomized


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One model as each of the three formats."""
    folder = tmp_path_factory.mktemp("files")
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(64, name="hidden", activation="relu")(inputs)
    model = randomized(keras.Model(inputs, keras.layers.Dense(3, name="answer")(x), name="honest"))
    for suffix in (".keras", ".h5"):
        model.save(folder / f"model{suffix}")
    model.save_weights(folder / "model.weights.h5")
    return {suffix: (folder / f"model{suffix}").read_bytes() for suffix in (".keras", ".h5", ".weights.h5")}


@pytest.fixture
def here(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the honest model and the pipe, for a minute."""
    (tmp_path / "model.keras").write_bytes(files[".keras"])
    os.mkfifo(tmp_path / hostile.SECRET)
    monkeypatch.chdir(tmp_path)
    faulthandler.dump_traceback_later(60, exit=True)
    yield tmp_path
    faulthandler.cancel_dump_traceback_later()


def refusals(spec: Path, path: Path) -> list[Diagnostic]:
    """What `check` and `build` say; both must say it at the file's name in the spec, and quickly."""
    before = time.process_time()
    found = list(check_spec(spec))
    assert time.process_time() - before < 5
    assert [(each.line, each.column) for each in found] == [(4, 9)] if path.name != "theirs.weights.h5" else [(5, 12)]
    for command in (plan_spec, compile_spec):
        if command is plan_spec and path.suffixes == [".weights", ".h5"]:
            continue  # it reads no weights
        if command is plan_spec and found[0].message.split("`")[2].startswith(" cannot be read as weights"):
            continue
        with pytest.raises(SpecError) as caught:
            command(spec)
        assert [each.code for each in caught.value.diagnostics] == [each.code for each in found]
    return found


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
@pytest.mark.parametrize("attack", hostile.HDF5)
def test_finding_S2_hdf5_that_reaches_out_of_itself(
    attack: str, suffix: str, files: dict[str, bytes], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spec_compiler.reading.hdf5._MAX_OBJECTS", 1000)  # a file of 100,000 takes long to make
    edit = hostile.HDF5[attack]
    if suffix == ".keras":
        inside = hostile.members(files[suffix])
        inside["model.weights.h5"] = hostile.hdf5(inside["model.weights.h5"], edit)
        data = hostile.zipped(inside)
    else:
        data = hostile.hdf5(files[suffix], edit)
    spec = hostile.write(here, data, suffix)
    found = refusals(spec, here / f"theirs{suffix}")
    assert [each.code for each in found] == ["SC502" if attack in DAMAGED else "SC514"], found
    with pytest.raises(SpecError):  # what Keras is to open by itself, for a proof or a prediction, passes the same gate
        admitted(str(here / f"theirs{suffix}"))


DAMAGED = ("no shape", "terabytes that are not there", "a list of texts that are all one")


@pytest.mark.parametrize("attack", hostile.ATTRIBUTES)
def test_finding_S2_a_config_in_hdf5_that_is_none(attack: str, files: dict[str, bytes], here: Path) -> None:
    spec = hostile.write(here, hostile.hdf5(files[".h5"], hostile.ATTRIBUTES[attack]), ".h5")
    found = refusals(spec, here / "theirs.h5")
    assert [each.code for each in found] in (["SC502"], ["SC514"])
    for each in check_spec(spec, static=True):
        assert (each.code, each.line) == (found[0].code, 4)


@pytest.mark.parametrize("attack", hostile.ARCHIVES)
def test_finding_S9_archives_that_are_not_what_they_say(attack: str, files: dict[str, bytes], here: Path) -> None:
    spec = hostile.write(here, hostile.ARCHIVES[attack](files[".keras"]), ".keras")
    before = time.process_time()
    static = check_spec(spec, static=True)
    assert time.process_time() - before < 1
    found = refusals(spec, here / "theirs.keras")
    assert [each.code for each in found] in (["SC502"], ["SC514"])
    if "config" not in attack or "megabytes" in attack:  # what the config says is for the steps that read it
        assert [each.code for each in static] == [each.code for each in found]
    assert not list(here.glob("x*"))


def test_the_honest_files_pass(files: dict[str, bytes], here: Path) -> None:
    for suffix, data in files.items():
        spec = hostile.write(here, data, suffix)
        assert not check_spec(spec)
        assert compile_spec(spec, prove=True).weights.num_parameters("copied") == 64 * 5 + 3 * 65
        assert admitted(str(here / f"theirs{suffix}"))


def test_packed_by_somebody_else_is_honest(files: dict[str, bytes], here: Path) -> None:
    def add(archive: zipfile.ZipFile) -> None:
        for name, data in hostile.members(files[".keras"]).items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)

    packed = hostile.zipped({}, add)
    spec = hostile.write(here, packed, ".keras")
    assert compile_spec(spec, prove=True).weights.unverified == ()


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory that was used is asked of Linux")
@pytest.mark.parametrize("attack", ["a config of zeros by the hundred megabytes", "a config of millions of values"])
def test_finding_S9_a_static_check_of_a_bomb_takes_no_memory(attack: str, files: dict[str, bytes], here: Path) -> None:
    hostile.write(here, hostile.ARCHIVES[attack](files[".keras"]), ".keras")
    code = r"""
import re, sys, time
from spec_compiler import check_spec
start = time.process_time()
check_spec("spec.yaml", static=True)
peak = int(re.search(r"VmHWM:\s*(\d+) kB", open("/proc/self/status").read())[1]) / 1024
print(time.process_time() - start, peak, "keras" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, megabytes, keras_there = done.stdout.split()
    assert (float(seconds) < 1, float(megabytes) < 200, keras_there) == (True, True, "False"), done.stdout


def test_a_pipe_in_place_of_a_file_is_not_opened(here: Path) -> None:
    os.mkfifo(here / "theirs.keras")
    (here / "spec.yaml").write_text("spec: 1\nbase: {file: theirs.keras}\n", encoding="utf-8")
    assert [each.code for each in check_spec(here / "spec.yaml")] in (["SC501"], ["SC502"])
