"""Valid specs to be broken: those of `specs/`, the right examples of the rules, and made ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from spec_compiler import check_spec
from spec_compiler.diagnostics.rules import RULES
from spec_compiler.diagnostics.rules.pages import explanation
from spec_compiler.files import HERE
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec, Shape, VariableSpec
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.keras_facts.catalogue import application_names, catalogue
from spec_compiler.memory.bases import base_key, keep_graph
from spec_compiler.spec import Spec, load_spec

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "invalid"
VGG = {"application": "VGG16", "weights": None, "include_top": False, "input_shape": [64, 64, 3]}
SECTIONS = """\
spec: 1
name: everything
description: a section of each kind
seed: 7
vars: {units: 10, rate: 0.5}
base: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3]}
cut_at: block4_pool
remove: [block1_conv2]
replace:
  - layers: block2_conv2
    with:
      - {Conv2D: {filters: 128, kernel_size: 3, padding: same, name: new_conv}}
insert:
  - after: {each: block3_*}
    with:
      - Dropout: ${rate}
      - {Activation: {activation: relu, name: "{name}_again"}}
set:
  - layers: {layers: type:Conv2D, except: new, where: {activation: relu}}
    to: {activation: elu}
head:
  - GlobalAveragePooling2D
  - {Dense: {units: "${units}", activation: softmax}}
freeze: block1_conv1..block2_conv1
expect:
  output: [null, 10]
  parameters: {at_least: 1k, at_most: 25M}
  multiply_adds: {at_most: 5G}
  frozen: block1_conv1..block2_conv1
  absent: [type:Lambda, "lambda*"]
  present: type:Dropout
"""


class Valid(NamedTuple):
    """A valid spec, and the warnings that are said of it before it is broken."""

    name: str
    text: str
    warnings: frozenset[str]


def prepare(folder: Path) -> list[Valid]:
    """The valid specs, the files that they name written to a folder, the graphs of VGG16 remembered.

    Of those that have a mistake of themselves, as their weights are not here, what is broken says nothing; they are
    left out.
    """
    found = []
    for name, text in _texts(folder):
        path = folder / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            spec = load_spec(path)
        except ValueError:
            continue
        keep_graphs(spec)
        told = check_spec(spec, static=True)
        if not any(each.severity == "error" for each in told):
            found.append(Valid(name, text, frozenset(each.message for each in told)))
    return found


def keep_graphs(spec: Spec) -> None:
    """Remembers a graph for the VGG16 that a spec starts from, so that its names can be checked without Keras."""
    for base in [spec.base, *(spec.bases or {}).values()]:
        if base is not None and base.application == "VGG16":
            shape = base.arguments.get("input_shape") or (224, 224, 3)
            keep_graph(base_key(base, HERE), vgg16(tuple(shape), base.arguments.get("include_top", True)))


def vgg16(shape: Shape = (64, 64, 3), top: bool = False) -> Graph:
    """VGG16 as a graph, made without Keras."""
    layers: dict[str, LayerSpec] = {}
    nodes: dict[str, Node] = {}
    size, channels = shape[0] or 64, shape[2] or 3
    last = ""

    def add(name: str, cls: str, out: Shape, config: dict[str, Any], weights: tuple[tuple[int, ...], ...] = ()) -> None:
        nonlocal last
        variables = tuple(
            VariableSpec(f"v{at}", each, "float32", True, f"v/{at}", at) for at, each in enumerate(weights)
        )
        module = {
            "module": "keras.layers",
            "class_name": cls,
            "config": {"name": name, **config},
            "registered_name": None,
        }
        kind = "input" if cls == "InputLayer" else "layer"
        layers[name] = LayerSpec(name, cls, module, kind, variables=variables, position=len(layers))  # type: ignore[arg-type]
        nodes[name] = Node(name, name, (ValueRef(last),) if last else (), {}, (TensorSpec(out),))
        last = name

    add("input_layer", "InputLayer", (None, *shape), {"batch_shape": (None, *shape)})
    for block, count, filters in ((1, 2, 64), (2, 2, 128), (3, 3, 256), (4, 3, 512), (5, 3, 512)):
        for index in range(count):
            config = {
                "filters": filters,
                "kernel_size": (3, 3),
                "padding": "same",
                "activation": "relu",
                "strides": (1, 1),
            }
            kernel = (3, 3, channels, filters)
            add(f"block{block}_conv{index + 1}", "Conv2D", (None, size, size, filters), config, (kernel, (filters,)))
            channels = filters
        size //= 2
        add(f"block{block}_pool", "MaxPooling2D", (None, size, size, filters), {"pool_size": (2, 2), "strides": (2, 2)})
    if top:
        flat = size * size * 512
        add("flatten", "Flatten", (None, flat), {})
        for name, units in (("fc1", 4096), ("fc2", 4096), ("predictions", 1000)):
            activation = "softmax" if name == "predictions" else "relu"
            add(name, "Dense", (None, units), {"units": units, "activation": activation}, ((flat, units), (units,)))
            flat = units
    return Graph("vgg16", layers, nodes, ValueRef("input_layer"), ValueRef(last), positions=tuple(layers))


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    yield "everything", SECTIONS
    for path in sorted((ROOT / "specs").rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(text, encoding="utf-8")
        yield path.name, text
    for code in RULES:
        files = explanation(code).right.files
        for name, text in files.items():
            if name.endswith(".yaml"):
                yield f"{code}/{name}", text
    yield from (("made", text) for text in made())


def made(seed: int = 0) -> Iterator[str]:
    """Specs with a head of every class that the catalogue has, its arguments filled in by their schemas."""
    chance = random.Random(seed)
    records = catalogue()
    names = [name for name, record in records["layers"].items() if "alias_of" not in record]
    for start in range(0, len(names), 4):
        head: list[Any] = []
        for name in names[start : start + 4]:
            arguments = _arguments(records["layers"][name]["arguments"], chance)
            if arguments is not None:
                head.append({name: arguments} if arguments else name)
        text = "\n".join(f"  - {json.dumps(each, ensure_ascii=False)}" for each in head)
        yield f"spec: 1\nbase: {json.dumps(VGG)}\nhead:\n{text}\nfreeze: base\n"
    for name in application_names():
        yield f"spec: 1\nbase:\n  application: {name}\n  weights: null\nseed: 3\n"
    for name, record in records["optimizers"].items():
        arguments = _arguments(record["arguments"], chance) or {} if "alias_of" not in record else {}
        yield f"spec: 1\nbase: {json.dumps(VGG)}\ncompile:\n  optimizer: {json.dumps({name: arguments})}\n  loss: mse\n"


def _arguments(arguments: Mapping[str, Any], chance: random.Random) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, record in arguments.items():
        if name == "name" or (not record.get("required") and chance.random() < 0.7):
            continue
        value = _value(record["schema"], chance)
        if value is None and record.get("required"):
            return None
        if value is not None:
            found[name] = value
    return found


def _value(schema: Mapping[str, Any], chance: random.Random) -> Any:
    """Some value that a schema takes; None where it names other definitions."""
    if "anyOf" in schema:
        values = [value for each in schema["anyOf"] if (value := _value(each, chance)) is not None]
        return chance.choice(values) if values else None
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "integer":
            return max(schema.get("minimum", 2), 2)
        case "number":
            return 0.25
        case "boolean":
            return chance.random() < 0.5
        case "array":
            items = _value(schema.get("items", {}), chance)
            return None if items is None else [items] * max(schema.get("minItems", 1), 1)
    return None
