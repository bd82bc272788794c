"""Each kind of data trains as plain Keras does that is fed by hand with the same arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.utils.class_weight import compute_class_weight

from spec_compiler import SpecError, compile_spec, evaluate
from spec_compiler.backend.training import run_files
from spec_compiler.result import TrainedSpec
from spec_compiler.trainer import train_spec
from spec_compiler.training.watcher import Watcher
from tests.backend.tables import HEADS, SPECIES, base, base_with_age, masks, one_hot, pictures, write_rows, write_table
from tests.markdown import ROOT, blocks

Rows = list[dict[str, str]]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_files, "draw_curves", lambda *args, **options: [])  # which takes the longest
    return write_table(tmp_path)


def spec_of(outputs: list[str], data: str, loss: str, extra: str = "") -> str:
    heads = "\n".join(f"  - {HEADS[name]}" for name in outputs)
    return f"""
spec: 1
head:
{heads}
outputs: {outputs[0] if len(outputs) == 1 else f"{{{', '.join(f'{name}: {name}' for name in outputs)}}}"}
data: {{batch_size: 64, {data}}}
compile: {{optimizer: {{SGD: 0.1}}, loss: {loss}, jit_compile: false}}
train: [{{phase: one, epochs: 2}}]
{extra}"""


def trained(text: str, model: Any = None, **options: Any) -> TrainedSpec:
    Path("spec.yaml").write_text(text)
    watcher = Watcher(verbose=0)
    model = model or base()
    return train_spec("spec.yaml", "run", base=model, tensorboard=False, watcher=watcher, force=True, **options)


def by_hand(text: str, model: Any, *args: Any, **options: Any) -> Any:
    """The model that the spec gives, trained by Keras's own `fit` on arrays."""
    result = compile_spec(text, base=model).model
    losses = {"species": "categorical_crossentropy", "tags": "binary_crossentropy", "grams": "mse"}
    losses |= {"mask": "sparse_categorical_crossentropy"}
    own = [losses[name] for name in result.output_names if name in losses]
    loss = dict(zip(result.output_names, own, strict=True)) if len(own) > 1 else own[0]
    result.compile(optimizer=keras.optimizers.SGD(0.1), loss=options.pop("loss", loss), jit_compile=False)
    result.fit(*args, batch_size=64, epochs=2, verbose=0, shuffle=False, **options)
    return result


def assert_same(ours: TrainedSpec, theirs: Any) -> None:
    first, second = (row.metrics["loss"] for row in ours.history)
    assert abs(first - second) > 1e-3  # it has learnt something
    np.testing.assert_allclose([first, second], theirs.history.history["loss"], rtol=1e-4)
    assert_same_weights(ours.model, theirs)


def test_classes_of_a_table(tmp_path: Path, rows: Rows) -> None:
    text = spec_of(["species"], "train: animals/labels.csv, inputs: file, targets: species", "categorical_crossentropy")
    names = [row["species"] for row in rows]
    assert_same(trained(text), by_hand(text, base(), pictures(tmp_path, rows), one_hot(names, sorted(SPECIES))))


def test_labels_of_a_table(tmp_path: Path, rows: Rows) -> None:
    text = spec_of(["tags"], "train: animals/labels.csv, inputs: file, targets: tags", "binary_crossentropy")
    labels = ["furry", "loud", "small"]
    targets = np.asarray([[float(each in row["tags"].split(";")) for each in labels] for row in rows])
    assert targets.sum() == 15
    assert_same(trained(text), by_hand(text, base(), pictures(tmp_path, rows), targets))


def test_numbers_and_weights_of_a_table(tmp_path: Path, rows: Rows) -> None:
    data = "train: animals/labels.csv, inputs: file, targets: grams, sample_weight: weight"
    text = spec_of(["grams"], data, "mse")
    targets, weights = (np.asarray([float(row[name]) for row in rows]) for name in ("grams", "weight"))
    hand = by_hand(text, base(), pictures(tmp_path, rows), targets[:, None], sample_weight=weights)
    assert_same(trained(text), hand)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_masks_of_a_table(loss: str, tmp_path: Path, rows: Rows) -> None:
    text = spec_of(["mask"], "train: animals/labels.csv, inputs: file, targets: mask", loss)
    targets = masks(tmp_path, rows)
    assert set(np.unique(targets)) == {0, 1, 2}
    own = targets if loss.startswith("sparse") else np.eye(3)[targets]
    assert_same(trained(text), by_hand(text, base(), pictures(tmp_path, rows), own, loss=loss))


def test_several_inputs_and_outputs_of_a_table(tmp_path: Path, rows: Rows) -> None:
    data = """train: animals/labels.csv, inputs: {picture: file, age: age}, sample_weight: weight,
        targets: {species: species, grams: {column: grams, kind: number}, tags: {column: tags, separator: ;}}"""
    loss = "{species: categorical_crossentropy, grams: mse, tags: binary_crossentropy}"
    text = spec_of(["species", "grams", "tags"], data, loss)
    inputs = {"picture": pictures(tmp_path, rows), "age": np.asarray([[float(row["age"])] for row in rows])}
    labels = ["furry", "loud", "small"]
    targets = {
        "species": one_hot([row["species"] for row in rows], sorted(SPECIES)),
        "grams": np.asarray([[float(row["grams"])] for row in rows]),
        "tags": np.asarray([[float(each in row["tags"].split(";")) for each in labels] for row in rows]),
    }
    weights = np.asarray([float(row["weight"]) for row in rows])
    hand = by_hand(text, base_with_age(), inputs, targets, sample_weight=dict.fromkeys(targets, weights))
    assert_same(trained(text, base_with_age()), hand)


def test_the_table_of_the_page_trains(rows: Rows) -> None:
    (text,) = blocks(ROOT / "docs" / "data.md", "yaml")
    loss = "{species: categorical_crossentropy, grams: mse, tags: binary_crossentropy}"
    whole = spec_of(["species", "grams", "tags"], "train: x", loss)
    before, after = whole.split("data: {batch_size: 64, train: x}")
    assert len(trained(before + text + after, base_with_age()).history) == 2


def test_a_parquet_table_is_the_csv_table(tmp_path: Path, rows: Rows) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    columns |= {
        "grams": [float(each) for each in columns["grams"]],
        "tags": [each.split(";") for each in columns["tags"]],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "animals" / "labels.parquet")
    for output, loss in (("grams", "mse"), ("tags", "binary_crossentropy"), ("species", "categorical_crossentropy")):
        data = f"train: animals/labels.csv, inputs: file, targets: {output}"
        ours = trained(spec_of([output], data, loss)).model.get_weights()
        again = trained(spec_of([output], data.replace(".csv", ".parquet"), loss)).model.get_weights()
        for mine, other in zip(ours, again, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_the_parts_of_a_table_by_a_column_and_what_is_guessed(tmp_path: Path, rows: Rows) -> None:
    short = [{key: row[key] for key in ("file", "species", "part")} for row in rows]
    write_rows(tmp_path / "animals" / "labels.csv", short)
    text = spec_of(["species"], "train: animals/labels.csv, split: part", "categorical_crossentropy")
    ours = trained(text)
    assert [ours.summary["data"][key] for key in ("train", "validation", "test")] == [6, 3, 3]
    held = [row for row in rows if row["part"] == "val"]
    kept = [row for row in rows if row["part"] == "train"]
    hand = by_hand(
        text,
        base(),
        pictures(tmp_path, kept),
        one_hot([row["species"] for row in kept], sorted(SPECIES)),
        validation_data=(pictures(tmp_path, held), one_hot([row["species"] for row in held], sorted(SPECIES))),
    )
    assert_same(ours, hand)
    (last,) = [row for row in ours.history if row.epoch == 2]
    np.testing.assert_allclose(last.metrics["val_loss"], hand.history.history["val_loss"][-1], rtol=1e-4)
    assert (evaluate("run").data, evaluate("run").num_samples) == ("data.test", 3)
    write_rows(tmp_path / "animals" / "labels.csv", [row for row in short if row["part"] != "test"])
    assert evaluate("run").data == "data.validation"


@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_classes_are_scikit_learns_and_train_as_in_keras(weighted: bool, tmp_path: Path, rows: Rows) -> None:
    data = "train: animals/labels.csv, inputs: file, targets: species, class_weight: balanced"
    text = spec_of(["species"], data + (", sample_weight: weight" if weighted else ""), "categorical_crossentropy")
    names = [row["species"] for row in rows]
    values = compute_class_weight("balanced", classes=np.asarray(sorted(SPECIES)), y=np.asarray(names))
    assert len(set(values.tolist())) > 1
    inputs, targets = pictures(tmp_path, rows), one_hot(names, sorted(SPECIES))
    weights = np.asarray([float(row["weight"]) for row in rows])
    by_class = {"class_weight": dict(enumerate(values.tolist()))}
    by_row = {"sample_weight": weights * values[[sorted(SPECIES).index(name) for name in names]]}
    seen: list[Any] = []
    watcher = Watcher(verbose=0, data=seen.append)
    Path("spec.yaml").write_text(text)
    ours = train_spec("spec.yaml", "run", base=base(), tensorboard=False, watcher=watcher)
    assert_same(ours, by_hand(text, base(), inputs, targets, **(by_row if weighted else by_class)))
    if not weighted:
        assert seen[0].class_weight == pytest.approx(dict(enumerate(values.tolist())))


def test_weights_of_classes_of_several_outputs_and_of_pixels(tmp_path: Path, rows: Rows) -> None:
    data = """train: animals/labels.csv, inputs: file, targets: {species: species, mask: mask},
        class_weight: {species: {owl: 3, cat: 0.5}, mask: balanced}"""
    text = spec_of(
        ["species", "mask"], data, "{species: categorical_crossentropy, mask: sparse_categorical_crossentropy}"
    )
    names, pixels = [row["species"] for row in rows], masks(tmp_path, rows)
    values = compute_class_weight("balanced", classes=np.arange(3), y=pixels.ravel())
    weights = {
        "species": np.asarray([{"owl": 3.0, "cat": 0.5}.get(name, 1.0) for name in names]),
        "mask": values[pixels],
    }
    targets = {"species": one_hot(names, sorted(SPECIES)), "mask": pixels}
    assert_same(trained(text), by_hand(text, base(), pictures(tmp_path, rows), targets, sample_weight=weights))


def test_classes_of_a_folder_by_their_names(tmp_path: Path, rows: Rows) -> None:
    for row in rows:
        place = tmp_path / "folders" / row["species"]
        place.mkdir(parents=True, exist_ok=True)
        (tmp_path / "animals" / row["file"]).rename(place / row["file"])
    data = "train: folders, cache: true, class_weight: {dog: 4, cat: 0.25}"
    text = spec_of(["species"], data, "sparse_categorical_crossentropy")
    theirs = keras.utils.image_dataset_from_directory(
        tmp_path / "folders", image_size=(8, 8), batch_size=64, shuffle=False, verbose=False
    )
    inputs, targets = (np.asarray(each) for each in next(iter(theirs)))
    weights = {"class_weight": {0: 0.25, 1: 4.0}, "loss": "sparse_categorical_crossentropy"}
    seen: list[Any] = []
    Path("spec.yaml").write_text(text)
    ours = train_spec("spec.yaml", "run", base=base(), tensorboard=False, watcher=Watcher(verbose=0, data=seen.append))
    assert_same(ours, by_hand(text, base(), inputs, targets, **weights))
    assert seen[0].says == (
        "species: 3 classes, cat, dog, owl",
        "species: class weights cat: 0.25, dog: 4",
        "cache: 2.3 KB of images are held in memory",
    )
    reader = next(iter(seen[0].train.shaping.readers.values()))
    assert len(reader.held) == 12
    assert {each.dtype.name for each in reader.held.values()} == {"uint8"}
    for folder in (tmp_path / "folders").iterdir():  # they are not read again
        for file in folder.iterdir():
            file.unlink()
    assert seen[0].train[0][0].shape == (12, 8, 8, 3)


def test_arrays_of_a_file(tmp_path: Path, rows: Rows) -> None:
    random = np.random.default_rng(2)
    inputs, targets = pictures(tmp_path, rows), np.eye(3)[random.integers(0, 3, 12)]
    weights = random.uniform(0.5, 2, 12)
    np.savez(tmp_path / "plain.npz", x=inputs, y=targets, w=weights)
    np.savez_compressed(tmp_path / "parts.npz", x_train=inputs, y_train=targets, x_test=inputs[:5], y_test=targets[:5])
    text = spec_of(["species"], "train: plain.npz", "categorical_crossentropy")
    assert_same(trained(text), by_hand(text, base(), inputs, targets, sample_weight=weights))
    text = spec_of(["species"], "train: parts.npz, test: parts.npz, class_weight: balanced", "categorical_crossentropy")
    ours = trained(text)
    assert (ours.summary["data"]["train"], ours.summary["data"]["test"]) == (12, 5)
    labels = targets.argmax(-1)
    values = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    by_class = dict(zip(np.unique(labels).tolist(), values.tolist(), strict=True))
    assert_same(ours, by_hand(text, base(), inputs, targets, class_weight=by_class))


def test_arrays_by_the_names_of_inputs_and_outputs_and_shares_of_them(tmp_path: Path, rows: Rows) -> None:
    random = np.random.default_rng(2)
    arrays = {
        "picture": pictures(tmp_path, rows),
        "age": random.normal(size=(12, 1)),
        "species": np.eye(3)[np.arange(12) % 3],
        "grams": random.normal(size=(12, 1)),
    }
    np.savez(tmp_path / "all.npz", **arrays)
    loss = "{species: categorical_crossentropy, grams: mse}"
    text = spec_of(["species", "grams"], "train: all.npz, class_weight: {species: {'1': 5}}", loss)
    inputs, targets = ({name: arrays[name] for name in names} for names in (("picture", "age"), ("species", "grams")))
    weights = {"species": np.where(np.arange(12) % 3 == 1, 5.0, 1.0), "grams": np.ones(12)}
    ours = trained(text, base_with_age())
    assert_same(ours, by_hand(text, base_with_age(), inputs, targets, sample_weight=weights))
    text = spec_of(["species", "grams"], "train: all.npz, validation: 0.25, test: 0.25", loss)
    ours = trained(text, base_with_age())
    assert [ours.summary["data"][key] for key in ("train", "validation", "test")] == [6, 3, 3]


CODE = """
import numpy as np
x, y = np.load("x.npy"), np.load("y.npy")
def batches():
    while True:
        yield x, y
def pairs(): return x, y
"""


@pytest.mark.parametrize("function", ["batches", "pairs"])
def test_classes_of_what_functions_give(
    function: str, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, targets = pictures(tmp_path, rows), np.eye(3)[np.arange(12) % 3]
    np.save("x.npy", inputs)
    np.save("y.npy", targets)
    (tmp_path / f"mine_{function}.py").write_text(CODE)
    data = f"train: 'mine_{function}:{function}', class_weight: {{0: 2.5, 2: 0.5}}"
    text = spec_of(["species"], data, "categorical_crossentropy")
    if function == "batches":
        steps = keras.Model.fit
        monkeypatch.setattr(keras.Model, "fit", lambda self, *args, **kw: steps(self, *args, steps_per_epoch=1, **kw))
    ours = trained(text, allow_code=True)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    result = compile_spec(text, base=base(), allow_code=True).model
    result.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy", jit_compile=False)
    result.fit(inputs, targets, batch_size=64, epochs=2, verbose=0, shuffle=False, class_weight={0: 2.5, 2: 0.5})
    assert_same_weights(ours.model, result)


def assert_same_weights(ours: Any, theirs: Any) -> None:
    for mine, hers in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), hers.numpy(), rtol=1e-4, atol=1e-5)


def test_masks_move_with_their_images(tmp_path: Path, rows: Rows) -> None:
    """A picture that is its own mask, flipped and turned at random, stays it."""
    random = np.random.default_rng(1)
    for row in rows:
        numbers = random.integers(0, 3, (8, 8)).astype("uint8")
        Image.fromarray(numbers * 100).convert("RGB").save(tmp_path / "animals" / row["file"])
        Image.fromarray(numbers).save(tmp_path / "animals" / row["mask"])
    data = "train: animals/labels.csv, inputs: file, targets: mask, augment: [RandomFlip, {RandomTranslation: 0.2}]"
    text = spec_of(["mask"], data.replace("{RandomTranslation: 0.2}", "{RandomTranslation: {height_factor: 0.25, "
                   "width_factor: 0.25, interpolation: nearest}}"), "sparse_categorical_crossentropy")  # fmt: skip
    seen: list[Any] = []
    Path("spec.yaml").write_text(text)
    train_spec("spec.yaml", "run", base=base(), tensorboard=False, watcher=Watcher(verbose=0, data=seen.append))
    batches = seen[0].train
    batches.epoch = 0
    images, numbers = batches[0]
    np.testing.assert_array_equal(images[..., 0], numbers * 100)
    plain, _ = batches.samples(np.arange(12))[:2]
    assert not np.array_equal(np.sort(images, axis=0), np.sort(plain[0], axis=0))


@pytest.mark.parametrize("crop", [False, True])
def test_masks_are_resized_as_keras_resizes_with_nearest(crop: bool, tmp_path: Path) -> None:
    from spec_compiler.backend.masks import MaskReader

    numbers = np.random.default_rng(0).integers(0, 255, (13, 29)).astype("uint8")
    Image.fromarray(numbers).save(tmp_path / "mask.png")
    theirs = keras.utils.load_img(
        tmp_path / "mask.png",
        color_mode="grayscale",
        target_size=(7, 9),
        interpolation="nearest",
        keep_aspect_ratio=crop,
    )
    np.testing.assert_array_equal(MaskReader((7, 9), crop).read(str(tmp_path / "mask.png")), np.asarray(theirs))


def test_texts_and_classes_that_a_model_takes(tmp_path: Path, rows: Rows) -> None:
    words = keras.layers.TextVectorization(max_tokens=8, output_sequence_length=2, name="split")
    words.adapt(["small furry loud"])
    inputs = [keras.Input((1,), dtype="string", name="tags"), keras.Input((1,), dtype="int32", name="species")]
    inputs.append(keras.Input((3,), name="again"))
    seen = [keras.layers.Embedding(8, 2, name="of_words")(words(inputs[0]))]
    seen.append(keras.layers.Embedding(3, 2, name="of_species")(inputs[1]))
    flat = [keras.layers.Flatten()(each) for each in seen]
    model = keras.Model(inputs, keras.layers.Concatenate(name="pool")([*flat, inputs[2]]), name="base")
    write_rows(
        tmp_path / "animals" / "labels.csv", [row | {"tags": row["tags"].replace(";", " ") or "-"} for row in rows]
    )
    data = "train: animals/labels.csv, inputs: {tags: tags, species: species, again: species}, targets: grams"
    text = spec_of(["grams"], data, "mse")
    names = [row["species"] for row in rows]
    numbers = np.asarray([[sorted(SPECIES).index(name)] for name in names])
    texts = keras.ops.convert_to_tensor([[row["tags"].replace(";", " ") or "-"] for row in rows], dtype="string")
    given = [texts, keras.ops.convert_to_tensor(numbers), keras.ops.convert_to_tensor(one_hot(names, sorted(SPECIES)))]
    targets = keras.ops.convert_to_tensor([[float(row["grams"])] for row in rows])
    ours = trained(text, model)
    result = compile_spec(text, base=model).model
    result.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    result.fit(given, targets, batch_size=64, epochs=2, verbose=0, shuffle=False)
    assert_same_weights(ours.model, result)
    with pytest.raises(SpecError, match="the column has 4 classes, the input `again` takes 3 numbers"):
        trained(text.replace("again: species", "again: part").replace("part}", "{column: weight, kind: class}}")
                .replace("{column: weight", "{column: part, classes: [train, val, test, held]"), model)  # fmt: skip
    with pytest.raises(SpecError, match="the input `again` takes numbers, float32, its column is of the kind `text`"):
        trained(text.replace("again: species", "again: {column: species, kind: text}"), model)


def test_a_run_goes_on_with_the_same_rows_only(tmp_path: Path, rows: Rows) -> None:
    text = spec_of(["grams"], "train: animals/labels.csv, inputs: file, targets: grams, split: part", "mse")
    trained(text)
    longer = text.replace("epochs: 2", "epochs: 3")

    def resumed() -> TrainedSpec:
        Path("spec.yaml").write_text(longer)
        return train_spec("spec.yaml", "run", base=base(), tensorboard=False, watcher=Watcher(verbose=0), resume=True)

    write_rows(tmp_path / "animals" / "labels.csv", [*rows[:1], rows[1] | {"grams": "9"}, *rows[2:]])
    with pytest.raises(SpecError, match="began with other data"):
        resumed()
    assert rows[3]["part"] == "test"
    write_rows(tmp_path / "animals" / "labels.csv", [*rows[:3], rows[3] | {"grams": "9"}, *rows[4:]])
    longer = longer.replace("batch_size: 64", "batch_size: 64, cache: true")
    assert len(resumed().history) == 3
