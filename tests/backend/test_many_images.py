"""`predict` and `features` over many images: in parts, interrupted and continued, in bounded memory."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result

from spec_compiler.backend.images import ImageReader
from spec_compiler.cli.main import cli
from spec_compiler.cli.unfinished import folder_of, unfinished
from spec_compiler.diagnostics import SpecError
from tests.backend.conftest import randomized
from tests.backend.pictures import write_pictures
from tests.backend.sessions import commands, run
from tests.markdown import blocks

ROOT = Path(__file__).parents[2]
EACH = 150
KILLED_AT = 100  # images, of 300
BATCH = 8

# Runs commands in forks of a process that has computed nothing; each kills itself where it reads one image too many.
KILLING = """
import os, signal, sys, threading
from pathlib import Path
from spec_compiler.backend.startup import start
start()
import spec_compiler.cli.commands.images
import spec_compiler.backend.inference
from spec_compiler.backend.images import ImageReader
from tests.drills.commands import command
read, count, lock = ImageReader.read, [0], threading.Lock()
def counting(self, path):
    with lock:
        count[0] += 1
        if count[0] > {at}:
            os.kill(os.getpid(), signal.SIGKILL)
    return read(self, path)
ImageReader.read = counting
for line in {lines!r}:
    running = command(Path(sys.argv[1]), line.split())
    assert running.wait() == -signal.SIGKILL, running.errors
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 300 images, two of which cannot be read, and a model with the names of its classes beside it."""
    folder = tmp_path_factory.mktemp("many")
    write_pictures(folder / "images", names=("cat", "dog"), each=EACH, size=8)
    for name in ("cat/13", "dog/71"):
        (folder / "images" / f"{name}.png").write_bytes(b"no image")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = keras.layers.Dense(2, activation="softmax", name="answer")(keras.layers.Rescaling(0.01)(x))
    randomized(keras.Model(inputs, outputs)).save(folder / "model.keras")
    randomized(keras.Model(inputs, [outputs, x, keras.layers.Activation("relu", name="activation")(x)])).save(
        folder / "three.keras"
    )
    (folder / "labels.txt").write_text("cat\ndog\n")
    return folder


@pytest.fixture
def project(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for each in made.iterdir():
        os.symlink(each, tmp_path / each.name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read, in any order."""
    files: list[str] = []
    before = ImageReader.read

    def noted(self: ImageReader, path: str) -> Any:
        files.append(path)
        return before(self, path)

    monkeypatch.setattr(ImageReader, "read", noted)
    return files


def call(line: str) -> Result:
    result = CliRunner().invoke(cli, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def predict(options: str) -> Result:
    return call(f"predict model.keras images --labels labels.txt --batch-size {BATCH} {options}")


def features(options: str, model: str = "model.keras") -> Result:
    return call(f"features {model} images --batch-size {BATCH} {options}")


def arrays(path: str) -> dict[str, Any]:
    with np.load(path) as file:
        return dict(file)


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for name, value in found.items():
        assert value.dtype == expected[name].dtype
        np.testing.assert_array_equal(value, expected[name])


def test_parts_are_the_whole_bit_for_bit(project: Path, read: list[str]) -> None:
    predict("-o whole.csv")
    assert len(read) == 2 * EACH
    read.clear()
    said = [predict(f"-o found.csv --shard {number}/8").stdout for number in range(1, 9)]
    assert sorted(read) == sorted(f"images/{name}/{at}.png" for name in ("cat", "dog") for at in range(EACH))
    subprocess.run("cat found-*-of-8.csv > joined.csv", shell=True, check=True)
    assert Path("joined.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert said[0].startswith("saved found-1-of-8.csv: 39 images, 1 skipped\naccuracy ")
    assert sum(", 1 skipped\n" in each for each in said) == 2
    rows = [row for row in csv.DictReader(Path("whole.csv").read_text().splitlines()) if row["rank"] == "1"]
    right = sum(row["name"] == row["image"].split("/")[1] for row in rows)
    assert 0 < right < len(rows) == 298
    assert sum(int(each.split(": ")[-1].split(" of ")[0]) for each in said) == right
    assert f": {right} of 298 are in the folder" in predict("-o whole.csv --force").stdout
    for options, name in (("", "whole.npz"), ("--shard 1/2", "of.npz"), ("--shard 2/2", "of.npz")):
        features(f"-o {name} {options}", "three.keras")
    parts = [arrays(f"of-{number}-of-2.npz") for number in (1, 2)]
    whole = arrays("whole.npz")
    assert_same({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, whole)
    assert [len(part["files"]) for part in parts] == [159, 139]
    assert len(whole) == 4


def test_what_is_written_is_what_keras_and_numpy_say(project: Path) -> None:
    features("-o found.npz --layer pool")
    features("-o found.csv --layer pool")
    found = arrays("found.npz")
    model = keras.saving.load_model("model.keras")
    pool = keras.Model(model.input, model.get_layer("pool").output)
    pixels = np.stack([keras.utils.img_to_array(keras.utils.load_img(each)) for each in found["files"]])
    np.testing.assert_allclose(found["features"], pool.predict(pixels, verbose=0), rtol=1e-5, atol=1e-5)
    np.savez_compressed("numpy.npz", allow_pickle=False, **found)
    assert Path("found.npz").stat().st_size == pytest.approx(Path("numpy.npz").stat().st_size, rel=0.02)
    assert_same(found, arrays("numpy.npz"))
    rows = list(csv.reader(Path("found.csv").read_text().splitlines()))[1:]
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], "float32"), found["features"])
    assert [row[0] for row in rows] == list(found["files"])


def test_formats_that_stream_say_what_one_document_says(project: Path) -> None:
    text = predict("--format json --shard 2/8").stdout
    document = json.loads(text)
    assert text == json.dumps(document, indent=2) + "\n"
    assert list(document) == ["format_version", "images", "accuracy"]
    lines = predict("--format jsonl --shard 2/8")
    assert [json.loads(line) for line in lines.stdout.splitlines()] == document["images"]
    assert f"{document['accuracy']['right']} of {document['accuracy']['of']}" in lines.stderr
    predict("-o found.json --shard 2/8")
    assert Path("found-2-of-8.json").read_text() == text
    predict("-o found.txt --shard 2/8")
    assert Path("found-2-of-8.txt").read_text() == predict("--shard 2/8").stdout


LINES = {
    "found.csv": f"predict model.keras images --labels labels.txt --batch-size {BATCH} -o found.csv",
    "found.json": f"predict model.keras images --labels labels.txt --batch-size {BATCH} -o found.json",
    "found.npz": f"features three.keras images --batch-size {BATCH} -o found.npz",
}


def test_killed_and_resumed_is_as_never_killed(project: Path, read: list[str]) -> None:
    code = KILLING.format(at=KILLED_AT, lines=list(LINES.values()))
    done = subprocess.run([sys.executable, "-c", code, str(project)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, line in LINES.items():
        assert not Path(name).exists()
        with pytest.raises(SpecError, match=r"`found\.\w+\.partial` holds unfinished results"):
            call(line)
        for other, told in (
            ("--batch-size 4", "`--batch-size 8`, this is `--batch-size 4`"),
            ("--interpolation bilinear", "`--interpolation nearest`, this is `--interpolation bilinear`"),
            ("images", "another list of images"),
        ):
            with pytest.raises(SpecError, match=told) as caught:
                call(f"{line} --resume {other}")
            assert [each.code for each in caught.value.diagnostics] == ["SC608"]
        assert not Path(name).exists()
        # bytes of a batch that did not come to its end
        part = next(each for each in Path(folder_of(name)).iterdir() if each.name in ("rows", "array-0"))
        with part.open("ab") as stream:
            stream.write(b"half a row")
        with (part.parent / "log").open("ab") as stream:
            stream.write(b'{"seen": 2')
        read.clear()
        result = call(f"{line} --resume")
        begun = KILLED_AT // BATCH * BATCH
        assert f"going on behind {begun} of 300 images" in result.stderr
        assert len(read) == 2 * EACH - begun
        assert not Path(folder_of(name)).exists()
        resumed = Path(name).rename(f"resumed-{name}")
        expected = call(line)
        assert result.stdout == expected.stdout
        if name.endswith(".npz"):
            assert_same(arrays(str(resumed)), arrays(name))
        else:
            assert resumed.read_bytes() == Path(name).read_bytes()


def test_an_error_keeps_what_is_done_of_this_call_alone(project: Path, made: Path, read: list[str]) -> None:
    """`cat/13.png` cannot be read; some batches are before it."""
    shutil.copy("model.keras", "copy.keras")
    strict = f"features copy.keras images/cat --batch-size {BATCH} -o found.csv"
    with pytest.raises(SpecError, match="cannot be read"):
        CliRunner().invoke(cli, f"{strict} --strict".split(), catch_exceptions=False)
    shutil.copy("three.keras", "copy.keras")
    with pytest.raises(SpecError, match="was begun with another model"):
        call(f"{strict} --resume")
    shutil.copy("model.keras", "copy.keras")
    with pytest.raises(SpecError, match="was begun with no `--layer`, this is `--layer pool`") as caught:
        call(f"{strict} --resume --layer pool")
    assert "`--force`" in (caught.value.diagnostics[0].help or "")
    read.clear()
    assert "149, 2), 1 skipped" in call(f"{strict} --resume").stdout
    assert 0 < len(read) < EACH
    with pytest.raises(SpecError, match="already exists"):
        call(f"{strict} --resume")
    with pytest.raises(SpecError, match="cannot be read"):  # the first image already: there is nothing to keep
        call("features copy.keras images/cat/13.png images/cat/14.png -o other.csv --strict")
    assert not Path("other.csv.partial").exists()


def test_force_begins_anew_and_the_old_file_stays_until_then(project: Path, read: list[str]) -> None:
    line = f"predict model.keras images/cat --labels labels.txt --batch-size {BATCH} -o found.csv"
    Path("found.csv").write_text("of yesterday\n")
    with pytest.raises(SpecError, match="cannot be read"):
        CliRunner().invoke(cli, f"{line} --strict --force".split(), catch_exceptions=False)
    assert Path("found.csv").read_text() == "of yesterday\n"
    read.clear()
    call(f"{line} --force")
    assert len(read) == EACH
    assert not Path("found.csv.partial").exists()
    assert Path("found.csv").read_text().startswith("image,rank,")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--shard 0/3", "`0/3` is no part of many"),
        ("--shard 4/3", "`4/3` is no part of many"),
        ("--shard 3", "`3` is no part of many"),
        ("--shard 1/400 -o x.csv", "there are 300 images for 400 shards"),
        ("--resume", "name it with `-o`"),
        ("-o found.csv --format json", "`--format json` does not fit the name `found.csv`"),
    ],
)
def test_a_call_that_cannot_be(options: str, told: str, project: Path) -> None:
    result = CliRunner().invoke(cli, ["predict", "model.keras", "images", *options.split()])
    assert result.exit_code == 2
    assert told in result.output.replace("\n", " ")


def test_two_at_once(project: Path) -> None:
    told = pytest.raises(SpecError, match=r"another process is writing to `found.npz.partial`")
    with unfinished("found.npz", {}, resume=False), told:
        features("-o found.npz")
    features("-o found.npz")


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    page = ROOT / "docs" / "training.md"
    (session,) = [each for each in blocks(page, "console") if "--shard" in each]
    (joining,) = [each for each in blocks(page, "python") if each.startswith("# the parts of `features`")]
    write_pictures(tmp_path / "photos", classes=2, each=5, size=8)
    (tmp_path / "runs" / "x").mkdir(parents=True)
    shutil.copy(made / "three.keras", tmp_path / "runs" / "x" / "best.keras")
    monkeypatch.chdir(tmp_path)
    for command in commands(session):
        if "predict" in command:
            command = command.replace("runs/x/best.keras", str(made / "model.keras"))
        assert run([command], tmp_path).status == 0, command
    subprocess.run([sys.executable, "-c", joining], check=True)
    call("predict MODEL photos/ -o whole.csv".replace("MODEL", str(made / "model.keras")))
    call("features runs/x/best.keras photos/ -o whole.npz")
    joined, whole = arrays("joined.npz"), arrays("whole.npz")
    assert list(joined) == list(whole)
    assert list(joined["files"]) == list(whole["files"])
    np.testing.assert_allclose(joined["activation"], whole["activation"], rtol=1e-5)
    table, other = (list(csv.DictReader(Path(each).read_text().splitlines())) for each in ("found.csv", "whole.csv"))
    assert [(row["image"], row["index"]) for row in table] == [(row["image"], row["index"]) for row in other]


BOUND = 32 << 20  # bytes, for 20 times 40 images; their features are 88 MB in one array

MEASURED = """
import resource
from click.testing import CliRunner
from spec_compiler.cli.main import cli
def peak(times, name):
    words = ["features", "wide.keras", *["few"] * times, "-o", name, "--batch-size", "20"]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
first = [peak(1, "small.npz"), peak(1, "again.npz")][-1]
print(peak({times}, "large.npz") - first)
"""


def test_memory_does_not_grow_with_the_images(project: Path) -> None:
    write_pictures(project / "few", classes=2, each=20, size=8)
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.UpSampling2D(12)(inputs)).save("wide.keras")
    code = MEASURED.format(times=20)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert Path("large.npz.partial").exists() is False
    assert int(done.stdout) < BOUND
