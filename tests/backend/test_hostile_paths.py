"""Specs and folders that lead elsewhere: under `--restrict-paths` nothing outside is read, and no run writes there.

Attacks are data, each in a project of its own beside files that it must not reach.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spec_compiler import SpecError, check_spec, compile_spec, plan_spec
from spec_compiler.files import Folder
from spec_compiler.files.vocabulary import read_vocabulary
from spec_compiler.trainer import train_spec
from spec_compiler.training.folder import read_folder
from tests.backend.hostile_places import SECRET, TRAINED, noted, width

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")


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
        "SC510",
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
    "several-bases": (
        link("b.keras", "model.keras"),
        "spec: 1\nbases: {a: {file: model.keras}, b: {file: b.keras}}\n",
        "SC510",
    ),
    "a-vocabulary": (nothing, WORDS + "head: [{StringLookup: {vocabulary: ../outside/words.txt}}]\n", "SC510"),
    "a-vocabulary-that-is-a-link": (
        link("w.txt", "words.txt"),
        WORDS + "head: [{StringLookup: {vocabulary: w.txt}}]\n",
        "SC510",
    ),
    "a-vocabulary-of-a-wrapped-layer": (
        link("w.txt", "words.txt"),
        WORDS + "head: [{TimeDistributed: {layer: {TextVectorization: {vocabulary: w.txt}}}}]\n",
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
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_way_out_findings_S5_and_S6(name: str, places: tuple[Path, Path]) -> None:
    project, outside = places
    prepare, text, code = ATTACKS[name]
    prepare(project, outside)
    (project / "spec.yaml").write_text(text, encoding="utf-8")
    uses: tuple[Callable[[], Any], ...] = (
        lambda: check_spec("spec.yaml", static=True, restrict_paths=True),
        lambda: check_spec("spec.yaml", restrict_paths=True),
        lambda: plan_spec("spec.yaml", restrict_paths=True),
        lambda: compile_spec("spec.yaml", restrict_paths=True),
        lambda: train_spec("spec.yaml", str(project / "run"), restrict_paths=True),
    )
    for use in uses:
        with noted() as files:
            try:
                result = use()
                found = list(result) if isinstance(result, tuple) else []
            except SpecError as error:
                found = list(error.diagnostics)
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
    assert width(plan_spec(project / "spec.yaml")) == 4  # not what was remembered
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


def test_callbacks_write_in_the_run_alone_finding_S1(places: tuple[Path, Path]) -> None:
    """Relative names and defaults stand below the run's folder; nothing appears anywhere else."""
    project, _ = places
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


OVERWRITING = ["CSVLogger: victim.txt", "CSVLogger: ../victim.txt", "ModelCheckpoint: HOME/victim.keras"]


@pytest.mark.parametrize("callback", OVERWRITING)
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
