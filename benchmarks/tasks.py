"""What is timed: for each task our way and the way it is compared with, each run alone in a fresh process.

A side is prepared first (imports, a tiny model, so that the backend has started), then timed once, then asked for a
fingerprint of its result: both sides of a comparison must give the same bits.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from spec_compiler import compile_spec, load_spec, plan_spec

FOLDER = Path(__file__).parents[1] / "out" / "benchmarks"
HEAD = ["GlobalAveragePooling2D", {"Dense": {"units": 10, "name": "predictions_10"}}]
NEW = {"Conv2D": {"name": "new_conv", "filters": 64, "kernel_size": 5, "padding": "same", "activation": "relu"}}
Run = Callable[[], Any]


def weights_file(suffix: str) -> Path:
    """The full VGG16's weights, random but the same for all, in one of three formats."""
    return FOLDER / f"vgg16{suffix}"


def make_files() -> None:
    """Writes the weights files, 553 MB each, where they are not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if all(weights_file(suffix).exists() for suffix in (".h5", ".keras", ".weights.h5")):
        return
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None)
    with h5py.File(weights_file(".h5"), "w") as store:
        store.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = store.create_group(layer.name)
            names = [f"{layer.name}/{index}".encode() for index in range(len(layer.weights))]
            group.attrs["weight_names"] = names or np.array([], dtype="S1")
            for name, variable in zip(names, layer.weights, strict=True):
                group[name.decode()] = keras.ops.convert_to_numpy(variable)
    model.save(weights_file(".keras"))
    model.save_weights(weights_file(".weights.h5"))


def fingerprint(model: Any, names: list[str]) -> str:
    """A hash of the weights of some layers."""
    digest = hashlib.sha256()
    for name in names:
        for array in model.get_layer(name).get_weights():
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


KEPT = ["block1_pool", "block2_conv1", "block2_conv2", "block5_conv3", "fc1", "fc2", "predictions"]


def stem(suffix: str) -> tuple[Run, Run]:
    spec = load_spec(
        {
            "spec": 1,
            "base": {"application": "VGG16", "weights": str(weights_file(suffix))},
            "replace": [{"layers": "block1_conv1..block1_conv2", "with": [NEW]}],
            "freeze": {"layers": "all", "except": "new_conv"},
        }
    )

    def by_hand() -> Any:
        base = keras.applications.VGG16(weights=weights_file(suffix))
        inputs = keras.Input((224, 224, 3))
        x = keras.layers.Conv2D(64, 5, padding="same", activation="relu", name="new_conv")(inputs)
        for layer in base.layers[3:]:
            layer.trainable = False
            x = layer(x)
        return keras.Model(inputs, x)

    return lambda: compile_spec(spec).model, by_hand


def cut(suffix: str) -> tuple[Run, Run]:
    base_spec = {"application": "VGG16", "weights": str(weights_file(suffix))}
    spec = load_spec({"spec": 1, "base": base_spec, "cut_at": "block2_pool", "head": HEAD})

    def by_hand() -> Any:
        base = keras.applications.VGG16(weights=weights_file(suffix))
        x = keras.layers.GlobalAveragePooling2D()(base.get_layer("block2_pool").output)
        return keras.Model(base.input, keras.layers.Dense(10)(x))

    return lambda: compile_spec(spec).model, by_hand


def raw(suffix: str) -> Run:
    """Every array of the file read with h5py, and nothing else."""

    def read() -> Any:
        found = []
        path = weights_file(suffix)
        if suffix == ".keras":
            import io
            import zipfile

            with zipfile.ZipFile(path) as archive:
                store: Any = io.BytesIO(archive.read("model.weights.h5"))
        else:
            store = path
        with h5py.File(store, "r") as opened:
            opened.visititems(lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
        return found

    return read


def in_memory() -> tuple[Run, Run]:
    keras.utils.set_random_seed(0)
    base = keras.applications.ResNet50(weights=None)
    entry = {"Conv2D": {"filters": 128, "kernel_size": 3, "padding": "same", "name": "new"}}
    spec = load_spec({"spec": 1, "replace": [{"layers": "conv3_block2_2_conv", "with": [entry]}]})

    def by_hand() -> Any:
        clone = keras.models.clone_model(base)
        clone.set_weights(base.get_weights())
        return clone

    return lambda: compile_spec(spec, base=base).model, by_hand


PRUNE = {"prune": {"layers": "type:Conv2D", "keep": 0.5, "round_to": 8}}
WIDEN = {
    "VGG16": [{"layers": "block1_conv1", "to": 96}, {"layers": "fc1", "to": 5120}],
    "ResNet50": [{"layers": "conv1_conv", "to": 96}, {"layers": "conv4_block3_2_conv", "to": 384}],
}


def adapted(section: str, of: str, side: str) -> Run:
    """A model pruned or widened, from a file where `of` ends in its suffix, or what that is compared with.

    `copy` compiles the base as it is, `result` the adapted model, in memory with the tensors that it has; `hand` copies
    the adapted model with Keras, value by value.
    """
    name, dot, suffix = of.partition(".")
    spec = load_spec({"spec": 1, **(PRUNE if section == "prune" else {"widen": WIDEN[name]})})
    plain = load_spec({"spec": 1})
    if dot:
        base = {"application": name, "weights": str(weights_file(dot + suffix))}
        spec, plain = (load_spec({"base": base, **dict(each.source.data)}) for each in (spec, plain))
        _read_ahead(weights_file(dot + suffix))
        return lambda: compile_spec(plain if side == "copy" else spec).model
    keras.utils.set_random_seed(0)
    base = getattr(keras.applications, name)(weights=None)
    if side == "ours":
        return lambda: compile_spec(spec, base=base).model
    result = compile_spec(spec, base=base).model

    def by_hand() -> Any:
        clone = keras.models.clone_model(result)
        clone.set_weights(result.get_weights())
        return clone

    return by_hand if side == "hand" else lambda: compile_spec(plain, base=result).model


def planned_pruned() -> Run:
    """The plan of a pruned ResNet50 by what is remembered of the base, NumPy's import with it."""
    from spec_compiler.memory.answers import Memory
    from spec_compiler.planning import planned
    from spec_compiler.spec.permissions import Permissions

    spec = load_spec(Path(__file__).with_name("pruned.yaml"))
    return lambda: planned(spec, Memory(), Permissions()).plan


def deep(count: int, residual: bool, compiled: bool) -> Run:
    """A base that is three quarters of a chain, or of a residual net, of so many layers, and a head that is the rest.

    A spec makes no more layers than its base has, or 5,000.
    """
    start = inputs = keras.Input((8,), name="start")
    x = keras.layers.Dense(8, name="first")(start)
    for at in range(count * 3 // 8):
        before, x = x, keras.layers.Activation("relu", name=f"base_a{at}")(x)
        x = keras.layers.Add(name=f"base_b{at}")([x, before]) if residual else _linear(f"base_b{at}")(x)
    sys.setrecursionlimit(sys.getrecursionlimit() + 4 * count)  # Keras follows a graph by recursion
    base = keras.Model(inputs, x)
    head: list[Any] = []
    last = base.layers[-1].name
    for at in range(count // 8):
        head.append({"Activation": {"activation": "relu", "name": f"a{at}"}})
        if residual:
            head.append({"Add": {"name": f"b{at}"}, "from": [f"a{at}", last]})
        else:
            head.append({"Activation": {"activation": "linear", "name": f"b{at}"}})
        last = f"b{at}"
    spec = load_spec({"spec": 1, "head": head})
    return lambda: compile_spec(spec, base=base) if compiled else plan_spec(spec, base=base)


def _linear(name: str) -> Any:
    return keras.layers.Activation("linear", name=name)


def edits_on_nasnet() -> Run:
    from spec_compiler.backend.models.reader import read_graph
    from spec_compiler.backend.models.symbolic import symbolic
    from spec_compiler.plan import Plan
    from spec_compiler.plan.editing import apply_edits

    with symbolic():
        graph = read_graph(keras.applications.NASNetLarge(weights=None))
    spec = load_spec(
        {
            "spec": 1,
            "insert": [
                {"after": {"each": "type:Activation"}, "with": [{"Dropout": {"rate": 0.1, "name": "{name}_drop"}}]}
            ],
            "cut_at": "normal_concat_15",
            "head": HEAD,
            "freeze": "..normal_concat_10",
        }
    )
    return lambda: Plan("nasnet", graph, apply_edits(spec, graph)).changes


def diagram_of_nasnet() -> Run:
    from spec_compiler.diagram import render, to_dot

    plan = plan_spec(
        {"spec": 1, "base": {"application": "NASNetLarge", "weights": None}, "cut_at": "normal_concat_15", "head": HEAD}
    )
    return lambda: render(to_dot(plan, "diff"), "svg")


def run_of(task: str, side: str) -> tuple[Run, list[str]]:
    """The timed function of a side of a task, and the layers whose weights both sides must agree in."""
    name, _, suffix = task.partition(":")
    if name in ("stem", "cut"):
        _read_ahead(weights_file(suffix))
    if name == "stem":
        return (raw(suffix) if side == "raw" else stem(suffix)[side == "hand"]), KEPT
    if name == "cut":
        return (raw(suffix) if side == "raw" else cut(suffix)[side == "hand"]), ["block1_conv1", "block2_conv2"]
    if name == "memory":
        return in_memory()[side == "hand"], ["conv1_conv", "conv5_block3_3_conv"]
    if name in ("prune", "widen"):
        return adapted(name, suffix, side), []
    if name in ("chain", "residual"):
        return deep(int(side), name == "residual", suffix == "compile"), []
    return {"edits": edits_on_nasnet, "pruned": planned_pruned, "diagram": diagram_of_nasnet}[name](), []


def _read_ahead(path: Path) -> None:
    """Brings a file into the system's page cache: what is compared is reading, not the disk's mood."""
    with open(path, "rb") as stream:
        while stream.read(1 << 24):
            pass


def warm_up() -> None:
    """Starts the backend and both ways on something tiny, so that neither pays for it."""
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, name="tiny")(inputs)
    tiny = keras.Model(inputs, keras.layers.Conv2D(1, 1)(x))
    tiny(np.zeros((1, 4, 4, 1), "float32"))
    compile_spec({"spec": 1, "prune": {"layers": "tiny", "keep": 1}, "head": ["Flatten"]}, base=tiny)
    keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35)


if __name__ == "__main__":
    make_files()
    print("made", file=sys.stderr)
