"""Specs and folders that lead elsewhere: under `--restrict-paths` nothing outside is read, whatever is swapped meanwhile.

The first half are attacks as data, each in a project of its own beside files that it must not reach. The second half
swaps links while the compiler runs.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec, train_spec
from spec_compiler.backend.images import ImageReader, check_images
from spec_compiler.files import Folder
from spec_compiler.training.folder import read_folder
from spec_compiler.vocabulary import read_vocabulary

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as POSIX has them")
SECRET = "a word that nobody outside may see"
opened_files: list[str] | None = None


def note(event: str, given: tuple[Any, ...]) -> None:
    """Keeps what Python opens or lists, its links followed, while a test asks for it."""
    if opened_files is not None and event in ("open", "os.listdir", "os.scandir") and isinstance(given[0], str):
        opened_files.append(os.path.realpath(given[0]))


sys.addaudithook(note)


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    global opened_files
    opened_files = []
    own = keras.src.saving.saving_lib.h5py.File  # what HDF5 opens by itself no hook sees

    class Noted(own):  # type: ignore[misc, valid-type]
        def __init__(self, name: Any, *arguments: Any, **options: Any) -> None:
            if isinstance(name, str) and opened_files is not None:
                opened_files.append(os.path.realpath(name))
            super().__init__(name, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("h5py.File", Noted)
        try:
            yield opened_files
        finally:
            opened_files = None


def model(value: float, units: int = 2) -> Any:
    inputs = keras.Input((4,), name="numbers")
    dense = keras.layers.Dense(units, name="dense", kernel_initializer=keras.initializers.Constant(value))
    return keras.Model(inputs, dense(inputs), name="small")


def picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, shade, shade)).save(path)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of a spec, and one beside it with the same files and other contents."""
    monkeypatch.setenv("HOME", str(tmp_path / "outside"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    for name, value in (("project", 1), ("outside", 2)):
        folder = tmp_path / name
        folder.mkdir()
        model(value).save(folder / "model.keras")
        model(value).save(folder / "model.h5")
        model(value).save_weights(folder / "model.weights.h5")
        (folder / "words.txt").write_text("red\ngreen\n" if value == 1 else f"{SECRET}\n", encoding="utf-8")
        (folder / "other.yaml").write_text(f"spec: 1\nbase: {{file: model.keras}}\nhead: [{{Dense: {value}}}]\n")
        (folder / f"mine_{name}.py").write_text("def made():\n    raise SystemExit('it ran')\n")
        for label in ("cat", "dog"):
            for number in range(3):
                picture(folder / "pictures" / label / f"{number}.png", 0 if value == 1 else 255)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project", tmp_path / "outside"


Attack = tuple[Callable[[Path, Path], Any], str, str]


def link(name: str, to: str) -> Callable[[Path, Path], Any]:
    def made(project: Path, outside: Path) -> None:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).symlink_to(outside / to if not to.startswith(".") else to)

    return made


def nothing(project: Path, outside: Path) -> None:
    pass


def chain(project: Path, outside: Path) -> None:
    """Three links, of which only the last one leaves the folder."""
    (project / "a.keras").symlink_to("b.keras")
    (project / "b.keras").symlink_to("sub/c.keras")
    (project / "sub").symlink_to(outside)
    (outside / "c.keras").symlink_to("model.keras")


def loop(project: Path, outside: Path) -> None:
    """Links to the folders above: a walk that follows them would never end."""
    for name in ("x", "y", "z"):
        (project / "pictures" / "cat" / name).symlink_to("..")


def file_head(text: str) -> str:
    return f"spec: 1\nbase: {text}\n"


TRAINED = """
spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
cut_at: block1_pool
head: [GlobalAveragePooling2D, {Dense: {units: 2, activation: softmax}}]
data: {train: FOLDER, validation: 0.34, batch_size: 4}
compile: {optimizer: sgd, loss: categorical_crossentropy}
train: [{phase: head, freeze: base, epochs: 1}]
"""
WORDS = "spec: 1\nbase: {file: model.keras}\n"
ATTACKS: dict[str, Attack] = {
    "a-link-as-model": (link("link.keras", "model.keras"), file_head("{file: link.keras}"), "SC510"),
    "a-link-as-legacy-model": (link("link.h5", "model.h5"), file_head("{file: link.h5}"), "SC510"),
    "a-chain-of-links": (chain, file_head("{file: a.keras}"), "SC510"),
    "a-link-as-folder": (link("sub", "."), file_head("{file: sub/../../outside/model.keras}"), "SC510"),
    "a-folder-that-is-a-link": (link("sub", ""), file_head("{file: sub/model.keras}"), "SC510"),
    "through-a-folder-that-is-not-there": (nothing, file_head("{file: none/../../outside/model.keras}"), "SC510"),
    "a-link-called-package": (
        link("package:x", "model.keras"),
        file_head("{file: 'package:x', weights: null}"),
        "SC103",
    ),
    "a-folder-called-package": (link("package:x", ""), file_head("{file: 'package:x/model.keras'}"), "SC510"),
    "a-link-called-imagenet": (link("imagenet", ""), file_head("{file: imagenet/model.keras}"), "SC510"),
    "a-spec-that-is-a-link": (link("link.yaml", "other.yaml"), file_head("{spec: link.yaml}"), "SC510"),
    "a-spec-called-package": (link("package:x", "other.yaml"), file_head("{spec: 'package:x'}"), "SC510"),
    "weights-after-a-blank": (
        nothing,
        file_head("{file: model.keras, weights: ' ../outside/model.weights.h5'}"),
        "SC510",
    ),
    "weights-in-a-mapping": (
        link("w.h5", "model.weights.h5"),
        file_head("{file: model.keras, weights: {file: w.h5}}"),
        "SC510",
    ),
    "weights-in-the-home-folder": (
        nothing,
        file_head("{file: model.keras, weights: ~/model.weights.h5}"),
        "SC510",
    ),
    "weights-of-imagenet-and-back": (
        nothing,
        file_head("{file: model.keras, weights: imagenet/../../outside/model.weights.h5}"),
        "SC510",
    ),
    "an-absolute-path-in-a-package": (
        nothing,
        file_head("{file: model.keras, weights: 'package:keras//etc/x.h5'}"),
        "SC103",
    ),
    "up-and-out-of-a-package": (
        nothing,
        file_head("{file: model.keras, weights: 'package:keras/../../x.h5'}"),
        "SC103",
    ),
    "a-backslash-in-a-package": (
        nothing,
        file_head("{file: model.keras, weights: 'package:keras/..\\..\\x.h5'}"),
        "SC103",
    ),
    "another-package-in-a-package": (
        nothing,
        file_head("{file: model.keras, weights: 'package:keras/numpy/version.py.h5'}"),
        "SC501",
    ),
    "a-package-by-a-path": (nothing, file_head("{file: model.keras, weights: 'package:../x/y.h5'}"), "SC103"),
    "a-file-url": (nothing, file_head("{file: 'file:///etc/x.keras'}"), "SC501"),
    "several-bases": (link("b.keras", "model.keras"), "spec: 1\nbases: {a: {file: model.keras}, b: {file: b.keras}}\n", "SC510"),  # fmt: skip
    "a-vocabulary": (nothing, WORDS + "head: [{StringLookup: {vocabulary: ../outside/words.txt}}]\n", "SC510"),
    "a-vocabulary-that-is-a-link": (
        link("w.txt", "words.txt"),
        WORDS + "head: [{StringLookup: {vocabulary: w.txt}}]\n",
        "SC510",
    ),
    "a-vocabulary-of-a-wrapped-layer": (
        link("w.txt", "words.txt"),
        WORDS + "insert: [{after: dense, layers: [{TimeDistributed: {layer: {TextVectorization: {vocabulary: w.txt}}}}]}]\n",
        "SC510",
    ),
    "a-vocabulary-by-its-address": (
        nothing,
        WORDS + "head: [{StringLookup: {vocabulary: 'file:///etc/hostname'}}]\n",
        "SC501",
    ),
    "a-vocabulary-that-is-a-device": (
        nothing,
        WORDS + "head: [{IntegerLookup: {vocabulary: /dev/zero}}]\n",
        "SC510",
    ),
    "a-vocabulary-in-set": (
        link("w.txt", "words.txt"),
        WORDS + "set: [{layers: dense, to: {vocabulary: w.txt}}]\n",
        "SC510",
    ),
    "a-vocabulary-that-augments": (
        link("w.txt", "words.txt"),
        TRAINED.replace("FOLDER", "pictures, augment: [{StringLookup: {vocabulary: w.txt}}]"),
        "SC510",
    ),
    "data-elsewhere": (nothing, TRAINED.replace("FOLDER", "../outside/pictures"), "SC510"),
    "data-through-a-link": (link("linked", "pictures"), TRAINED.replace("FOLDER", "linked"), "SC510"),
    "a-class-that-is-a-link": (link("pictures/bird", "pictures/cat"), TRAINED.replace("FOLDER", "pictures"), "SC510"),
    "a-folder-in-a-class": (link("pictures/cat/more", "pictures/cat"), TRAINED.replace("FOLDER", "pictures"), "SC510"),
    "an-image-that-is-a-link": (
        link("pictures/cat/9.png", "pictures/cat/0.png"),
        TRAINED.replace("FOLDER", "pictures"),
        "SC510",
    ),
    "data-to-validate": (
        link("held", "pictures"),
        TRAINED.replace("FOLDER", "pictures").replace("0.34", "held"),
        "SC510",
    ),
    "a-module-for-the-data": (
        link("mine_here.py", "mine_outside.py"),
        TRAINED.replace("FOLDER", "'mine_here:made'").replace("validation: 0.34, ", ""),
        "SC510",
    ),
    "a-package-for-the-data": (
        link("mine_here", ""),
        TRAINED.replace("FOLDER", "'mine_here.mine_outside:made'").replace("validation: 0.34, ", ""),
        "SC510",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_a_way_out_findings_S5_and_S6(name: str, places: tuple[Path, Path]) -> None:
    project, outside = places
    prepare, text, code = ATTACKS[name]
    prepare(project, outside)
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    for use in (
        lambda: check_spec("spec.yaml", static=True, restrict_paths=True),
        lambda: check_spec("spec.yaml", restrict_paths=True),
        lambda: plan_spec("spec.yaml", restrict_paths=True),
        lambda: compile_spec("spec.yaml", restrict_paths=True),
        lambda: train_spec("spec.yaml", str(project / "run"), restrict_paths=True),
    ):
        with noted() as files:
            try:
                found = list(use() or ())
            except SpecError as error:
                found = list(error.diagnostics)
            except TypeError:  # a compiled model is no list of diagnostics
                found = []
        assert not [each for each in files if each.startswith(f"{outside}{os.sep}") and "keras.json" not in each]
        assert all(each.line for each in found)
        assert not any(SECRET in str(each) for each in found)
        if code not in {each.code for each in found}:  # `plan` reads no weights and no data
            assert found == [] or {each.code for each in found} == {"SC102"}
    assert code in {each.code for each in check_spec("spec.yaml", static=True, restrict_paths=True)}


def test_what_stays_inside_is_read(places: tuple[Path, Path]) -> None:
    """Links that end in the folder are as good as files, also a folder and a chain of them."""
    project, _ = places
    (project / "deep" / "er").mkdir(parents=True)
    (project / "deep" / "er" / "link.keras").symlink_to("../../model.keras")
    (project / "folder").symlink_to("deep/er")
    (project / "w.weights.h5").symlink_to("model.weights.h5")
    (project / "spec.yaml").write_text("spec: 1\nbase: {file: folder/link.keras, weights: w.weights.h5}\n")
    free = compile_spec("spec.yaml")
    confined = compile_spec("spec.yaml", restrict_paths=True, prove=True)
    assert str(confined.weights) == str(free.weights)
    assert confined.weights.proof is not None
    np.testing.assert_array_equal(confined.model.get_weights()[0], np.ones((4, 2)))
    assert check_spec("spec.yaml", restrict_paths=True) == ()


def test_loops_of_links_among_the_data_end(places: tuple[Path, Path]) -> None:
    project, outside = places
    loop(project, outside)
    start = time.monotonic()
    for root in (None, str(project)):
        found = read_folder("pictures", Folder(str(project), root=root))
        assert sorted({os.path.realpath(each) for each in found.files}) == sorted(
            str(each) for each in project.glob("pictures/*/*.png")
        )
    assert time.monotonic() - start < 1


def test_a_vocabulary_is_read_where_the_spec_is_finding_S5(places: tuple[Path, Path], tmp_path: Path) -> None:
    """From the spec's folder, as every other file; the result holds the words and needs no file."""
    project, outside = places
    inputs = keras.Input((1,), dtype="string", name="text")
    keras.Model(inputs, keras.layers.Identity(name="same")(inputs)).save(project / "text.keras")
    (project / "numbers.txt").write_text("5\n-3\n8\n", encoding="utf-8")
    text = (
        "spec: 1\nbase: {file: text.keras}\nhead: [{StringLookup: {vocabulary: words.txt, output_mode: multi_hot}}]\n"
    )
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    os.chdir(outside)  # where there is a file of the same name
    compiled = compile_spec(project / "spec.yaml", restrict_paths=True)
    assert list(map(str, compiled.model.layers[-1].get_vocabulary())) == ["[UNK]", "red", "green"]
    compiled.model.save(tmp_path / "out.keras")
    os.unlink(project / "words.txt")
    again = keras.saving.load_model(tmp_path / "out.keras")
    assert again.layers[-1].get_vocabulary() == compiled.model.layers[-1].get_vocabulary()
    (project / "words.txt").write_text("red\ngreen\nblue\n", encoding="utf-8")
    assert plan_spec(project / "spec.yaml").after.output_shapes[0][-1] == 4  # not what was remembered
    numbers = read_vocabulary("numbers.txt", Folder(str(project)), integers=True)
    assert numbers == [5, -3, 8]


def test_a_file_that_is_no_vocabulary_finding_S5(places: tuple[Path, Path]) -> None:
    folder = Folder(str(places[0]))
    bad: dict[str, bytes] = {
        "empty": b"",
        "binary": b"a\0b",
        "latin": "é".encode("latin-1"),
        "wide": b"a\n" * 200_000 + b"b" * 4_000,
        "huge": b"a\n" * (33 * 2**20),
    }
    for name, data in bad.items():
        (places[0] / name).write_bytes(data)
        with pytest.raises(SpecError) as caught:
            read_vocabulary(name, folder)
        assert caught.value.diagnostics[0].code == "SC502"
    (places[0] / "words").write_text("red\n", encoding="utf-8")
    with pytest.raises(SpecError, match="line 1 is no integer"):
        read_vocabulary("words", folder, integers=True)


# Races: a thread swaps what a name leads to, between what is inside and what is not.


@contextlib.contextmanager
def swapping(path: Path, one: str, other: str) -> Iterator[None]:
    """A link that leads to the one and to the other, thousands of times a second, replaced in one step each time."""
    over = threading.Event()

    def swap() -> None:
        count = 0
        while not over.is_set():
            count += 1
            fresh = path.with_name(f"{path.name}.fresh")
            fresh.symlink_to((one, other)[count % 2])
            os.replace(fresh, path)

    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.symlink_to(one)
    thread = threading.Thread(target=swap, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def outcomes(attempt: Callable[[], Any], seconds: float) -> list[Any]:
    """What came of trying again and again: results, and the codes of refusals."""
    found: list[Any] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(found) < 5:
        try:
            found.append(attempt())
        except SpecError as error:
            found.append(error.diagnostics[0].code)
        except OSError as error:
            found.append(type(error).__name__)
    return found


@pytest.mark.parametrize("file", ["model.keras", "model.h5", "model.weights.h5"])
def test_a_race_for_a_model(file: str, places: tuple[Path, Path]) -> None:
    """Whatever a link leads to when it is judged, the weights are never those from outside."""
    project, outside = places
    name = f"link{file.removeprefix('model')}"
    base = f"{{file: model.keras, weights: {name}}}" if "weights" in file else f"{{file: {name}}}"
    (project / "spec.yaml").write_text(f"spec: 1\nbase: {base}\n", encoding="utf-8")

    def attempt() -> float:
        return float(compile_spec("spec.yaml", restrict_paths=True).model.get_weights()[0][0, 0])

    with swapping(project / name, file, str(outside / file)):
        found = outcomes(attempt, 4)
    assert 2.0 not in found
    assert {each for each in found if isinstance(each, str)} <= {"SC510", "SC501"}
    assert len(found) >= 5


def test_a_race_for_a_spec(places: tuple[Path, Path]) -> None:
    project, outside = places
    (project / "spec.yaml").write_text("spec: 1\nbase: {spec: link.yaml}\n", encoding="utf-8")

    def attempt() -> Any:
        return plan_spec("spec.yaml", restrict_paths=True).after.output_shapes[0][-1]

    with swapping(project / "link.yaml", "other.yaml", str(outside / "other.yaml")):
        found = outcomes(attempt, 3)
    assert 2 not in found
    assert 1 in found or len(found) < 20


def test_a_race_for_a_vocabulary(places: tuple[Path, Path]) -> None:
    project, outside = places
    folder = Folder(str(project), root=str(project))
    with swapping(project / "link.txt", "words.txt", str(outside / "words.txt")):
        found = outcomes(lambda: tuple(read_vocabulary("link.txt", folder)), 1.5)
    assert set(found) <= {("red", "green"), "SC510", "SC501"}
    assert len(found) > 100


def test_a_race_for_an_image(places: tuple[Path, Path]) -> None:
    project, outside = places
    reader = ImageReader((8, 8), folder=Folder(str(project), root=str(project)))
    inside = "0.png"
    with swapping(project / "pictures/cat/9.png", inside, str(outside / "pictures/cat/0.png")):
        found = outcomes(lambda: float(reader.read(str(project / "pictures/cat/9.png")).max()), 1.5)
    assert 255.0 not in found
    assert len(found) > 100


def test_a_race_for_a_folder_of_images(places: tuple[Path, Path]) -> None:
    """The class folder itself is swapped, also between the listing and the reading."""
    project, outside = places
    os.rename(project / "pictures/cat", project / "cat")
    for number in range(3):
        picture(outside / "pictures/cat" / f"secret{number}.png", 255)
    folder = Folder(str(project), root=str(project))
    reader = ImageReader((8, 8), folder=folder)

    def attempt() -> float:
        found = read_folder("pictures", folder)
        assert not any("secret" in each for each in found.files)
        return float(np.max(reader.read_all(list(found.files))))

    with swapping(project / "pictures/cat", "../cat", str(outside / "pictures/cat")):
        found = outcomes(attempt, 3)
    assert 255.0 not in found
    assert {each for each in found if isinstance(each, str)} <= {"SC510", "SC603", "SC602"}


# S18: what is called an image and would hang, or fill the memory.


def png(width: int, height: int) -> bytes:
    """A black PNG of one bit a pixel, as small as its size allows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeezed = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)
    data = b"".join(squeezed.compress(row) for _ in range(height)) + squeezed.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def saved(kind: str, size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size).save(stream, kind)
    return stream.getvalue()


def hostile_images() -> dict[str, bytes]:
    bmp, gif, jpeg = bytearray(saved("BMP")), bytearray(saved("GIF")), bytearray(saved("JPEG"))
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return {
        "169 megapixels": png(13_000, 13_000),
        "a bitmap of 3,600": bytes(bmp),
        "a GIF of 4,294": bytes(gif),
        "a JPEG of 4,290": bytes(jpeg),
        "half of it": saved("PNG", (300, 300))[:200],
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(ran) (w) file closefile\n",
        "text": b"no image",
        "nothing": b"",
        "null bytes": b"\0" * 10_000,
    }


@pytest.mark.parametrize("name", hostile_images())
def test_a_hostile_image_finding_S18(name: str, tmp_path: Path) -> None:
    """Refused by what its first bytes say, at once."""
    path = tmp_path / "x.png"
    path.write_bytes(hostile_images()[name])
    start = time.monotonic()
    with pytest.raises(SpecError) as caught:
        check_images(ImageReader((8, 8)), [str(path)])
    assert caught.value.diagnostics[0].code == "SC603"
    assert time.monotonic() - start < 1
    assert isinstance(ImageReader((8, 8)).attempt(str(path)), str)


def test_an_image_file_of_a_gigabyte_finding_S18(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(saved("PNG"))
    os.truncate(path, 2**30)
    start = time.monotonic()
    assert "MB" in str(ImageReader((8, 8)).attempt(str(path)))
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "link to a pipe", "link to nothing"])
def test_no_file_called_an_image_finding_S18(kind: str, tmp_path: Path) -> None:
    """It would hang: nothing writes into the pipe. Known before an image is opened, and where one is read alone."""
    path = tmp_path / "data" / "cat" / "x.png"
    picture(tmp_path / "data" / "cat" / "0.png", 0)
    picture(tmp_path / "data" / "dog" / "0.png", 0)
    with contextlib.ExitStack() as stack:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            stack.enter_context(socket.socket(socket.AF_UNIX)).bind(os.path.relpath(path))
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(tmp_path / "there")
            if kind == "link to a pipe":
                os.mkfifo(tmp_path / "there")
        start = time.monotonic()
        assert isinstance(ImageReader((8, 8)).attempt(str(path)), str)
        if kind != "folder":
            with pytest.raises(SpecError) as caught:
                read_folder("data", Folder(str(tmp_path)))
            assert [each.code for each in caught.value.diagnostics] == ["SC603"]
            assert "x.png" in caught.value.diagnostics[0].message
        assert time.monotonic() - start < 1


# S1: what callbacks write, in a run.


def test_callbacks_write_in_the_run_alone_finding_S1(places: tuple[Path, Path]) -> None:
    """Relative names and defaults stand below the run's folder; nothing appears anywhere else."""
    project, outside = places
    callbacks = "[TensorBoard, CSVLogger: mine/log.csv, ModelCheckpoint: 'kept-{epoch:02d}.keras']"
    callbacks = "[TensorBoard, {CSVLogger: mine.csv}, {ModelCheckpoint: 'kept/{epoch:02d}.keras'}]"
    text = TRAINED.replace("FOLDER", "pictures").replace("epochs: 1", f"epochs: 1, callbacks: {callbacks}")
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    before = {path for folder in places for path in folder.rglob("*")}
    os.chdir(project)
    train_spec("spec.yaml", str(project / "run"), restrict_paths=True, tensorboard=False)
    assert (project / "run" / "mine.csv").exists()
    assert (project / "run" / "kept" / "01.keras").exists()
    assert (project / "run" / "logs").is_dir()
    after = {path for folder in places for path in folder.rglob("*") if project / "run" not in path.parents}
    assert after - before == {project / "run"}


@pytest.mark.parametrize("callback", ["CSVLogger: victim.txt", "CSVLogger: ../victim.txt", "ModelCheckpoint: HOME/victim.keras"])  # fmt: skip
def test_no_callback_overwrites_a_file_of_the_user_finding_S1(callback: str, places: tuple[Path, Path]) -> None:
    project, outside = places
    (project / "run").mkdir()
    for victim in (outside / "victim.txt", outside / "victim.keras", project / "victim.txt"):
        victim.write_text("precious", encoding="utf-8")
    (project / "run" / "victim.txt").symlink_to(outside / "victim.txt")
    text = TRAINED.replace("FOLDER", "pictures").replace(
        "epochs: 1", f"epochs: 1, callbacks: [{{{callback.replace('HOME', str(outside))}}}]"
    )
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    for restrict in (False, True):
        with pytest.raises(SpecError) as caught:
            train_spec("spec.yaml", str(project / "run"), restrict_paths=restrict)
        assert [each.code for each in caught.value.diagnostics] == ["SC612"]
        assert caught.value.diagnostics[0].line
    for victim in (outside / "victim.txt", outside / "victim.keras", project / "victim.txt"):
        assert victim.read_text(encoding="utf-8") == "precious"
