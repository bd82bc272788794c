"""Each kind of data, broken in ten ways: each is told before the first epoch, at its line and column in the spec, with
the row of the table where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from spec_compiler import SpecError
from spec_compiler.backend.training import run_files
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.tables import HEADS, ROWS, base, base_with_age, write_rows, write_table

Rows = list[dict[str, str]]
Damage = Callable[[Path, Rows], None]


class Broken(NamedTuple):
    """One mistake: what is done to the files, other lines of `data`, and what is said: where, with which words."""

    damage: Damage
    at: str  # `code line:column`
    message: str
    note: str = ""
    data: str = ""  # `from => to`, several by `;; `
    help: str = ""


def nothing(folder: Path, rows: Rows) -> None:
    """The spec is at fault."""


def cell(row: int, column: str, value: str) -> Damage:
    """Another value in one cell."""

    def damage(folder: Path, rows: Rows) -> None:
        rows[row][column] = value
        write_rows(folder / "animals" / "labels.csv", rows)

    return damage


def column(name: str, value: str, rows: tuple[int, ...] = tuple(range(ROWS))) -> Damage:
    """One value in every cell of a column, or in those of some rows."""
    chosen = rows

    def damage(folder: Path, rows: Rows) -> None:
        changed = [row | ({name: value} if number in chosen else {}) for number, row in enumerate(rows)]
        write_rows(folder / "animals" / "labels.csv", changed)

    return damage


def text(name: str, content: str | bytes) -> Damage:
    """Another content of a file."""

    def damage(folder: Path, rows: Rows) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return damage


def replaced(name: str, old: str, new: str) -> Damage:
    """Another word in a file."""

    def damage(folder: Path, rows: Rows) -> None:
        before = (folder / name).read_text()
        assert old in before
        (folder / name).write_text(before.replace(old, new, 1))

    return damage


def gone(name: str) -> Damage:
    """A file or folder that is not there."""

    def damage(folder: Path, rows: Rows) -> None:
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()

    return damage


def picture(name: str, pixels: Any) -> Damage:
    """Another picture in a file."""

    def damage(folder: Path, rows: Rows) -> None:
        Image.fromarray(pixels).save(folder / name)

    return damage


def array(**changed: Any) -> Damage:
    """Other arrays in the file of arrays; None for one that is not there."""

    def damage(folder: Path, rows: Rows) -> None:
        arrays = {**np.load(folder / "all.npz"), **changed}
        np.savez(folder / "all.npz", **{name: each for name, each in arrays.items() if each is not None})

    return damage


def with_nan(name: str) -> Damage:
    """A number that is none, in one array."""

    def damage(folder: Path, rows: Rows) -> None:
        arrays = {**np.load(folder / "all.npz")}
        arrays[name][3] = np.nan
        np.savez(folder / "all.npz", **arrays)

    return damage


FOLDER = "  train: folders\n  validation: 0.25\n  class_weight: {cat: 2, dog: 0.5}\n"
CLASSES = "  train: animals/labels.csv\n  inputs: file\n  targets: species\n  class_weight: {cat: 2}\n"
LABELS = "  train: animals/labels.csv\n  inputs: file\n  targets: {column: tags, separator: ;}\n"
NUMBERS = "  train: animals/labels.csv\n  inputs: file\n  targets: grams\n  sample_weight: weight\n"
MASKS = "  train: animals/labels.csv\n  inputs: file\n  targets: mask\n"
SEVERAL = (
    "  train: animals/labels.csv\n  inputs: {picture: file, age: age}\n"
    "  targets: {species: species, grams: grams}\n  split: part\n"
)
ARRAYS = "  train: all.npz\n  validation: 0.25\n  class_weight: {'1': 2}\n"
FUNCTION = '  train: "mine:train"\n  validation: "mine:held"\n'
KINDS: dict[str, tuple[str, list[str], str]] = {
    "folder": (FOLDER, ["species"], "categorical_crossentropy"),
    "classes": (CLASSES, ["species"], "categorical_crossentropy"),
    "labels": (LABELS, ["tags"], "binary_crossentropy"),
    "numbers": (NUMBERS, ["grams"], "mse"),
    "masks": (MASKS, ["mask"], "sparse_categorical_crossentropy"),
    "several": (SEVERAL, ["species", "grams"], "{species: categorical_crossentropy, grams: mse}"),
    "arrays": (ARRAYS, ["species"], "categorical_crossentropy"),
    "function": (FUNCTION, ["species"], "categorical_crossentropy"),
}
CODE = """
import numpy as np
x, y = np.zeros((6, 8, 8, 3)), np.eye(3)[[0, 1, 2] * 2]
def train(): return x, y
def held(): return x, y
"""
X, Y = np.zeros((12, 8, 8, 3), "float32"), np.eye(3)[np.arange(12) % 3]
SMALL = np.zeros((4, 4), "uint8")

CASES: dict[str, dict[str, Broken]] = {
    "folder": {
        "no folder": Broken(gone("folders"), "SC602 3:10", "the folder `folders` does not exist"),
        "no images": Broken(text("folders/fox/a.txt", ""), "SC602 3:10", "the class folder `folders/fox` has no image"),
        "no image": Broken(text("folders/cat/0.png", "text"), "SC603 3:10", "an image cannot be read", "cat/0.png"),
        "empty image": Broken(text("folders/cat/0.png", ""), "SC603 3:10", "an image cannot be read", "cat/0.png"),
        "one class more": Broken(
            text("folders/fox/a.png", ""),
            "SC604 3:10",
            "the data has 4 classes, `species` has 3",
            data="  validation: 0.25\n => ",
        ),
        "unknown class": Broken(
            nothing, "SC620 5:18", "the data has no class `cats`", data="cat: 2 => cats: 2", help="did you mean `cat`?"
        ),
        "negative weight": Broken(
            nothing, "SC103 5:23", "the weight of a class is a number from 0 on", data="cat: 2 => cat: -2"
        ),
        "no weights": Broken(
            nothing,
            "SC103 5:17",
            "weights of classes are `balanced` or a mapping",
            data="{cat: 2, dog: 0.5} => balance",
            help="did you mean `balanced`?",
        ),
        "share": Broken(nothing, "SC103 4:15", "`validation` must be a share", data="0.25 => 25"),
        "columns": Broken(
            nothing,
            "SC108 6:3",
            "`inputs` names columns of a table, `train` is a folder",
            data="dog: 0.5}\n => dog: 0.5}\n  inputs: file\n",
        ),
        "no test": Broken(
            nothing, "SC602 6:9", "the folder `held` does not exist", data="dog: 0.5}\n => dog: 0.5}\n  test: held\n"
        ),
    },
    "classes": {
        "no table": Broken(gone("animals/labels.csv"), "SC501 3:10", "no table `animals/labels.csv`"),
        "wrong name": Broken(
            nothing,
            "SC501 3:10",
            "no table `animals/label.csv`",
            data="labels.csv => label.csv",
            help="did you mean `animals/labels.csv`?",
        ),
        "no column": Broken(
            nothing,
            "SC620 5:12",
            "`animals/labels.csv` has no column `specie`",
            data="targets: species => targets: specie",
            help="did you mean `species`?",
        ),
        "no image": Broken(
            cell(3, "file", "30.png"),
            "SC603 4:11",
            "an image of `file` is not there",
            "animals/labels.csv:5: no file `30.png`",
        ),
        "unreadable": Broken(
            text("animals/3.png", "text"),
            "SC603 4:11",
            "an image cannot be read",
            "animals/labels.csv:5: animals/3.png: it is not an image",
        ),
        "empty cell": Broken(
            cell(2, "species", ""),
            "SC620 5:12",
            "a cell of `species` is empty",
            "animals/labels.csv:4: `species` is empty",
        ),
        "empty column": Broken(
            column("species", ""), "SC620 5:12", "the column `species` of `animals/labels.csv` is empty"
        ),
        "another class": Broken(cell(2, "species", "fox"), "SC604 5:12", "the data has 4 classes, `species` has 3"),
        "not among them": Broken(
            cell(2, "species", "dgo"),
            "SC620 5:21",
            "has the class `dgo`, which `classes` does not name",
            "animals/labels.csv:4: `dgo`",
            help="did you mean `dog`?",
            data="targets: species => targets: {column: species, classes: [cat, dog, owl]}",
        ),
        "unknown class": Broken(nothing, "SC620 6:18", "the data has no class `cats`", data="cat: 2 => cats: 2"),
        "ragged": Broken(
            replaced("animals/labels.csv", "3.png,", "3.png,1,"),
            "SC620 3:10",
            "line 5 has 9 cells, and its first line names 8",
        ),
        "no UTF-8": Broken(
            text("animals/labels.csv", b"file,species\n\xff.png,cat\n"), "SC620 3:10", "it is not in UTF-8"
        ),
        "kind": Broken(
            nothing,
            "SC620 5:36",
            "an output is compared with no column of the kind `image`",
            data="targets: species => targets: {column: species, kind: image}",
        ),
        "another table": Broken(
            text("held.csv", "file,species\nanimals/0.png,fox\n"),
            "SC620 7:15",
            "`held.csv` has the class `fox`, which the table to train on has not",
            "held.csv:2: `fox`",
            data="{cat: 2}\n => {cat: 2}\n  validation: held.csv\n",
        ),
    },
    "labels": {
        "no column": Broken(nothing, "SC620 5:21", "has no column `tag`", data="column: tags => column: tag"),
        "no key": Broken(
            nothing,
            "SC101 5:27",
            "unknown key `seperator`",
            data="separator => seperator",
            help="did you mean `separator`?",
        ),
        "one label more": Broken(
            cell(0, "tags", "small;wild"), "SC604 5:21", "`tags` has 4 labels, the model puts out 3 numbers"
        ),
        "another separator": Broken(
            cell(1, "tags", "a|b"),
            "SC620 5:21",
            "has the class `a|b`",
            data="separator: ; => classes: [small, furry, loud], kind: labels",
        ),
        "separator": Broken(
            nothing, "SC103 5:38", "`separator` is what stands between two labels", data="separator: ; => separator: 3"
        ),
        "not among them": Broken(
            cell(4, "tags", "smal"),
            "SC620 5:21",
            "has the class `smal`",
            "animals/labels.csv:6",
            data="separator: ; => classes: [small, furry, loud], kind: labels",
            help="did you mean `small`?",
        ),
        "class weights": Broken(
            nothing,
            "SC620 6:3",
            "`tags` has several labels for each sample",
            data=";}\n => ;}\n  class_weight: balanced\n",
        ),
        "an image less": Broken(
            gone("animals/7.png"), "SC603 4:11", "an image of `file` is not there", "animals/labels.csv:9"
        ),
        "no rows": Broken(text("animals/labels.csv", "file,tags\n"), "SC620 3:10", "`animals/labels.csv` has no rows"),
        "twice": Broken(text("animals/labels.csv", "file,tags,tags\na,b,c\n"), "SC620 3:10", "it has 2 columns `tags`"),
        "loss": Broken(
            nothing,
            "SC605 9:33",
            "expects probabilities that sum to 1, `tags` ends in sigmoid",
            data="binary_crossentropy => categorical_crossentropy",
        ),
    },
    "numbers": {
        "a word": Broken(
            cell(5, "grams", "heavy"),
            "SC620 5:12",
            "a cell of `grams` is no number",
            "animals/labels.csv:7: `grams` is `heavy`",
        ),
        "NaN": Broken(
            cell(5, "grams", "nan"),
            "SC620 5:12",
            "a cell of `grams` is no number",
            "animals/labels.csv:7: `grams` is `nan`",
        ),
        "infinite": Broken(
            cell(5, "grams", "1e999"), "SC620 5:12", "a cell of `grams` is no number", "animals/labels.csv:7"
        ),
        "empty": Broken(cell(5, "grams", ""), "SC620 5:12", "a cell of `grams` is empty", "animals/labels.csv:7"),
        "words": Broken(
            nothing,
            "SC620 5:12",
            "12 cells of `species` are no numbers",
            "animals/labels.csv:2: `species` is `cat`",
            data="targets: grams => targets: species",
        ),
        "two": Broken(
            nothing,
            "SC604 5:12",
            "`grams`, `age` are 2 numbers, `grams` has 1",
            data="targets: grams => targets: [grams, age]",
            help="name one column, or write `units: 2` in the last layer",
        ),
        "negative weight": Broken(
            cell(1, "weight", "-1"),
            "SC620 6:18",
            "a cell of `weight` is no weight",
            "animals/labels.csv:3: `weight` is `-1`",
        ),
        "no weight": Broken(
            cell(1, "weight", ""), "SC620 6:18", "a cell of `weight` is no weight", "`weight` is `empty`"
        ),
        "no weights": Broken(column("weight", "0"), "SC620 6:18", "every weight in `weight` is 0"),
        "wrong weights": Broken(
            nothing, "SC620 6:18", "has no column `wieght`", data=": weight => : wieght", help="did you mean `weight`?"
        ),
        "second": Broken(nothing, "SC620 5:13", "has no column `gram`", data="targets: grams => targets: [gram, age]"),
        "class weights": Broken(
            nothing,
            "SC620 7:3",
            "`grams` tells no classes apart",
            data=": weight\n => : weight\n  class_weight: balanced\n",
        ),
    },
    "masks": {
        "no mask": Broken(
            gone("animals/masks/4.png"),
            "SC603 5:12",
            "a mask of `mask` is not there",
            "animals/labels.csv:6: no file `masks/4.png`",
        ),
        "unreadable": Broken(
            text("animals/masks/4.png", "x"), "SC603 5:12", "a mask cannot be read", "animals/labels.csv:6"
        ),
        "another size": Broken(
            picture("animals/masks/4.png", SMALL),
            "SC604 5:12",
            "a mask does not fit",
            "it has 4 x 4 pixels, its image 8 x 8",
        ),
        "another class": Broken(
            picture("animals/masks/4.png", np.full((8, 8), 7, "uint8")),
            "SC604 5:12",
            "a mask does not fit",
            "has pixels of the class 7",
            help="classes count from 0, to 2",
        ),
        "colours": Broken(
            picture("animals/masks/4.png", np.zeros((8, 8, 3), "uint8")),
            "SC603 5:12",
            "a mask cannot be read",
            "it has 3 numbers for each pixel",
        ),
        "empty": Broken(cell(4, "mask", ""), "SC620 5:12", "a cell of `mask` is empty", "animals/labels.csv:6"),
        "no column": Broken(nothing, "SC620 5:12", "has no column `masks`", data="targets: mask => targets: masks"),
        "no image": Broken(text("animals/4.png", "x"), "SC603 4:11", "an image cannot be read", "animals/labels.csv:6"),
        "classes": Broken(
            nothing,
            "SC604 5:21",
            "the data has 2 classes, `mask` has 3 outputs",
            data="targets: mask => targets: {column: mask, classes: [sky, tree]}",
        ),
        "augmented": Broken(
            nothing,
            "SC604 6:13",
            "`GaussianNoise` cannot change the masks with the images",
            data=": mask\n => : mask\n  augment: [{GaussianNoise: 0.1}]\n",
        ),
        "weights": Broken(
            nothing, "SC620 6:18", "the data has no class `sky`", data=": mask\n => : mask\n  class_weight: {sky: 2}\n"
        ),
    },
    "several": {
        "no input": Broken(
            nothing, "SC620 4:27", "the model has no input `ag`", data="age: age => ag: age", help="did you mean `age`?"
        ),
        "no output": Broken(
            nothing, "SC620 5:31", "the model has no output `gram`", data="grams: grams => gram: grams"
        ),
        "lacking": Broken(nothing, "SC102 5:3", "no column is named for the output `grams`", data=", grams: grams => "),
        "one": Broken(
            nothing,
            "SC620 5:12",
            "the model has the outputs `grams`, `species`, one column is named",
            data="{species: species, grams: grams} => species",
        ),
        "a word": Broken(
            cell(0, "age", "old"),
            "SC620 4:41",
            "a cell of `age` is no number",
            "animals/labels.csv:2: `age` is `old`",
            data="age: age => age: {column: age, kind: number}",
        ),
        "split": Broken(
            cell(6, "part", "tset"),
            "SC620 6:10",
            "a cell of `part` names no part",
            "animals/labels.csv:8: `part` is `tset`",
        ),
        "nothing to train on": Broken(
            column("part", "val"), "SC620 6:10", "no row of `animals/labels.csv` is to train on"
        ),
        "nothing to validate on": Broken(
            column("part", "train"), "SC620 6:10", "no row of `animals/labels.csv` is to validate on"
        ),
        "a class not to train on": Broken(
            column("part", "val", rows=(5, 9)), "SC620 5:22", "no row with the class `dog` is to train on"
        ),
        "share": Broken(
            nothing, "SC620 7:3", "has 3 rows for the validation", data="part\n => part\n  validation: 0.2\n"
        ),
        "table": Broken(
            nothing, "SC108 7:3", "so `validation` is no table of its own", data="part\n => part\n  validation: a.csv\n"
        ),
        "weights of which": Broken(
            nothing,
            "SC620 7:18",
            "the model has no output `specis`",
            data="part\n => part\n  class_weight: {specis: balanced}\n",
        ),
    },
    "arrays": {
        "no file": Broken(gone("all.npz"), "SC501 3:10", "no file of arrays `all.npz`"),
        "no archive": Broken(text("all.npz", "x"), "SC620 3:10", "`all.npz` cannot be read as arrays"),
        "no targets": Broken(
            array(y=None),
            "SC620 3:10",
            "`all.npz` has no array `y` or `species` for the output",
            help="its arrays are `x`",
        ),
        "fewer": Broken(array(y=Y[:7]), "SC620 3:10", "has 12 samples in `x`, and 7 in `y`"),
        "shape": Broken(
            array(x=X[:, :4]), "SC604 3:10", "inputs of shape (None, 4, 8, 3), `picture` takes (None, 8, 8, 3)"
        ),
        "integers": Broken(
            array(y=np.arange(12) % 3), "SC604 3:10", "targets of shape (None,)", help="sparse_categorical_crossentropy"
        ),
        "classes": Broken(
            array(y=np.eye(4)[np.arange(12) % 4]), "SC604 3:10", "targets of shape (None, 4)", help="give 3 numbers"
        ),
        "NaN": Broken(with_nan("x"), "SC604 3:10", "inputs for `picture` that are no numbers in sample 3"),
        "NaN targets": Broken(with_nan("y"), "SC604 3:10", "targets for `species` that are no numbers in sample 3"),
        "weights": Broken(array(w=np.full(12, -1.0)), "SC604 3:10", "weights for `species` that are negative"),
        "objects": Broken(array(x=np.asarray([{}] * 12, object)), "SC620 3:10", "its `x` holds Python objects"),
        "unknown class": Broken(nothing, "SC620 5:18", "the data has no class `4`", data="'1' => '4'"),
        "one sample": Broken(array(x=X[:3], y=Y[:3]), "SC602 4:15", "the class `0` has one sample"),
        "image size": Broken(
            nothing,
            "SC108 6:3",
            "`image_size` says how image files are read, a file of arrays holds the pixels",
            data="'1': 2}\n => '1': 2}\n  image_size: [8, 8]\n",
        ),
    },
    "function": {
        "no module": Broken(gone("mine.py"), "SC606 3:11", "there is no module `mine`"),
        "no function": Broken(
            nothing, "SC606 3:16", "the module `mine` has no function `trian`", data="mine:train => mine:trian"
        ),
        "raises": Broken(replaced("mine.py", "return x, y", "raise OSError('away')"), "SC606 3:11", "away", "mine.py"),
        "nothing": Broken(replaced("mine.py", "return x, y", "pass"), "SC606 3:11", "`train` gives nothing"),
        "one thing": Broken(
            replaced("mine.py", "return x, y", "return x"),
            "SC606 3:11",
            "an array of shape (6, 8, 8, 3) without targets",
        ),
        "shape": Broken(
            replaced("mine.py", "return x, y", "return x[:, 1:], y"), "SC606 3:11", "inputs of shape (None, 7, 8, 3)"
        ),
        "fewer": Broken(replaced("mine.py", "return x, y", "return x, y[1:]"), "SC606 3:11", "6 inputs and 5 targets"),
        "NaN": Broken(
            replaced("mine.py", "return x, y", "return x, y * np.nan"),
            "SC606 3:11",
            "targets for `species` that are no numbers",
        ),
        "weights": Broken(
            replaced("mine.py", "return x, y", "return x, y, -np.ones(6)"),
            "SC606 3:11",
            "weights for `species` that are negative",
        ),
        "generator": Broken(
            replaced("mine.py", "return x, y", "yield x, y[:, 1:]"), "SC606 3:11", "targets of shape (None, 2)"
        ),
        "generator that raises": Broken(
            replaced("mine.py", "return x, y", "yield x, y[9]"), "SC606 3:11", "the first batch of `mine:train` failed"
        ),
        "share": Broken(nothing, "SC108 4:15", "a share cannot be held back", data='"mine:held" => 0.2'),
        "columns": Broken(
            nothing,
            "SC108 5:3",
            "`split` names columns of a table, `train` is a function",
            data='"mine:held"\n => "mine:held"\n  split: part\n',
        ),
        "balanced": Broken(
            replaced("mine.py", "return x, y", "yield x, y"),
            "SC620 5:17",
            "`balanced` counts the samples of each class",
            data='"mine:held"\n => "mine:held"\n  class_weight: balanced\n',
        ),
    },
}


def spec_of(kind: str) -> str:
    data, outputs, loss = KINDS[kind]
    heads = ", ".join(HEADS[name] for name in outputs)
    chosen = outputs[0] if len(outputs) == 1 else f"{{{', '.join(f'{name}: {name}' for name in outputs)}}}"
    return f"""spec: 1
data:
{data}batch_size: 4
head: [{heads}]
outputs: {chosen}
compile: {{optimizer: sgd, loss: {loss}, jit_compile: false}}
train: [{{phase: one, epochs: 1}}]
""".replace("batch_size", "  batch_size")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Rows]:
    monkeypatch.chdir(tmp_path)
    rows = write_table(tmp_path)
    for row in rows:
        (tmp_path / "folders" / row["species"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "animals" / row["file"], tmp_path / "folders" / row["species"])
    np.savez(tmp_path / "all.npz", x=X, y=Y)
    (tmp_path / "mine.py").write_text(CODE)
    monkeypatch.setattr(run_files, "draw_curves", lambda *args, **options: [])  # which takes the longest
    return tmp_path, rows


def train(text: str, kind: str) -> Any:
    Path("spec.yaml").write_text(text)
    model = base_with_age() if kind == "several" else base()
    watcher = Watcher(verbose=0)
    return train_spec("spec.yaml", "run", base=model, tensorboard=False, watcher=watcher, allow_code=True)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_data_trains(kind: str, here: tuple[Path, Rows]) -> None:
    assert len(train(spec_of(kind), kind).history) == 1
    assert len(CASES[kind]) >= 10


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cases in CASES.items() for name in cases])
def test_broken_data_is_told_where_it_is(kind: str, name: str, here: tuple[Path, Rows]) -> None:
    broken = CASES[kind][name]
    broken.damage(*here)
    text = spec_of(kind)
    for change in broken.data.split(";; ") if broken.data else ():
        old, new = change.split(" => ")
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(SpecError) as caught:
        train(text, kind)
    assert not Path("run", "history.csv").exists()
    (found,) = caught.value.diagnostics
    assert (f"{found.code} {found.line}:{found.column}", broken.message in found.message) == (broken.at, True), found
    assert not broken.note or any(broken.note in each for each in found.notes), found
    assert broken.help in str(found.help)
