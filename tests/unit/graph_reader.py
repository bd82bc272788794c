"""Reads the lines that `graph_text` writes: a recursive descent over one line, a regular expression for each word."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spec_compiler.diagnostics import Path
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import BASE, LayerSpec, Origin, Stored, VariableSpec
from spec_compiler.graph.low_rank import LowRank
from spec_compiler.graph.node import Node, TensorSpec, ValueRef
from spec_compiler.language.places import section_place

NAME = r"[A-Za-z_][\w/]*(?:@\d+)?"
PATH = r"[a-z_]+(?:\[\d+\]|\.(?:block )?\w+)*"
CONSTANTS = {"None": None, "True": True, "False": False}


def read_graph(text: str) -> Graph:
    """The graph of such a text. Its layers are those of a base, in the order of their first calls, unless marked."""
    blocks: list[tuple[str, list[str]]] = []
    for line in filter(str.strip, text.splitlines()):
        if line.startswith("    "):
            blocks[-1][1].append(line.removeprefix("    "))
        else:
            blocks.append((line, []))
    name, inputs, outputs = "", (), ()
    removed: dict[str, Origin] = {}
    layers: dict[str, LayerSpec] = {}
    nodes: dict[str, Node] = {}
    for line, below in blocks:
        scan = _Scanner(line)
        word = scan.take(NAME)
        if word == "model" and not name:
            name = scan.take(r"\S+")
        elif word in ("inputs", "outputs") and not nodes:
            inputs, outputs = (scan.value(), outputs) if word == "inputs" else (inputs, scan.value())
        elif word == "removed" and not nodes:
            gone = scan.take(NAME)
            scan.take("by")
            removed[gone] = scan.origin()
        else:
            inner = read_graph("\n".join(below)) if below else None
            node, layer = _read_call(scan, word, layers, inner)
            layers.setdefault(layer.name, layer)
            nodes[node.name] = node
        scan.end()
    positions = tuple(key for key, layer in layers.items() if layer.position is not None)
    return Graph(name, layers, nodes, inputs, outputs, removed, positions)


def _read_call(
    scan: _Scanner, name: str, layers: Mapping[str, LayerSpec], inner: Graph | None
) -> tuple[Node, LayerSpec]:
    own = name.partition("@")[0]
    is_again = scan.peek(r"again\b")
    class_name = scan.take(r"[\w>]+")
    if is_again and scan.accept(r"\("):
        own = scan.take(NAME)
        scan.take(r"\)")
    arguments = {} if is_again else scan.call()[1]
    args, kwargs = scan.arguments() if scan.accept("<-") else ([], {})
    outputs = tuple(scan.listed(scan.tensor)) if scan.accept("->") else ()
    node = Node(name, own, tuple(args), kwargs, outputs)
    if is_again:
        return node, layers[own]
    config = {"class_name": class_name, "config": {"name": own, **arguments}}
    kind: Any = "input" if class_name == "InputLayer" else "model" if inner is not None else "layer"
    variables = _read_variables(scan) if scan.accept(r"\|") else None
    layer = LayerSpec(own, class_name, config, kind, variables=variables, inner=inner, stored=Stored(f"layers/{own}"))
    while scan.accept(";"):
        if scan.accept("sizes of"):
            node = replace(node, sized_by=scan.value())
        else:
            layer = _marked(layer, scan)
    if layer.is_new:
        return node, replace(layer, config={**config, "config": arguments}, stored=Stored())
    count = sum(each.position is not None for each in layers.values())
    return node, replace(layer, variables=variables or (), position=None if layer.kind == "operation" else count)


def _read_variables(scan: _Scanner) -> tuple[VariableSpec, ...]:
    found: list[VariableSpec] = []
    for path, shape, words in () if scan.accept("none") else scan.listed(scan.variable):
        dtype = next((word for word in words if word not in ("fixed", "state")), "float32")
        index = None if "state" in words else len(found)
        found.append(VariableSpec(path, shape, dtype, "fixed" not in words, f"vars/{len(found)}", index))
    return tuple(found)


def _marked(layer: LayerSpec, scan: _Scanner) -> LayerSpec:
    """The layer with what one mark says of it."""
    match scan.take(r"operation|frozen|takes training|from|changed by|set|LoRA|in Keras|was|stored at"):
        case "operation":
            return replace(layer, kind="operation")
        case "frozen":
            return replace(layer, trainable=False)
        case "takes training":
            return replace(layer, takes_training=True)
        case "from":
            return replace(layer, origin=scan.origin())
        case "changed by":
            return replace(layer, changed_by=scan.origin())
        case "set":
            return replace(layer, changed=scan.arguments()[1])
        case "LoRA":
            rank, alpha, parts = int(scan.take(r"\d+")), float(scan.take(r"[\d.]+")), tuple(scan.value())
            scan.take("by")
            origin = scan.origin()
            return replace(layer, lora=LowRank(rank, alpha, parts, scan.accept(", bias trains") is not None, origin))
        case "in Keras":
            return replace(layer, keras_name=scan.take(NAME))
        case "was":
            return replace(layer, base_name=scan.take(NAME))
        case _:
            return replace(layer, stored=replace(layer.stored, places=tuple(scan.listed(scan.place))))


class _Scanner:
    """Reads one line from left to right."""

    def __init__(self, line: str) -> None:
        self.line, self.at = line, 0

    def peek(self, pattern: str) -> re.Match[str] | None:
        return re.compile(rf"\s*({pattern})").match(self.line, self.at)

    def accept(self, pattern: str) -> str | None:
        found = self.peek(pattern)
        if found is None:
            return None
        self.at = found.end()
        return found[1]

    def take(self, pattern: str) -> str:
        found = self.accept(pattern)
        if found is None:
            raise ValueError(f"expected {pattern} at character {self.at} of: {self.line}")
        return found

    def end(self) -> None:
        self.take("$")

    def listed(self, one: Any, close: str | None = None) -> list[Any]:
        """What `one` reads, as often as a comma follows; a comma may stand before the closing bracket."""
        found: list[Any] = []
        while close is None or not self.accept(close):
            found.append(one())
            if not self.accept(","):
                if close is not None:
                    self.take(close)
                break
        return found

    def call(self) -> tuple[list[Any], dict[str, Any]]:
        self.take(r"\(")
        return ([], {}) if self.accept(r"\)") else (*self.arguments(), self.take(r"\)"))[:2]

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}

        def one() -> None:
            if self.peek(r"\w+="):
                key = self.take(r"\w+")
                self.take("=")
                kwargs[key] = self.value()
            else:
                args.append(self.value())

        self.listed(one)
        return args, kwargs

    def value(self) -> Any:
        if self.accept(r"\("):
            start = self.at
            found = self.listed(self.value, r"\)")
            assert len(found) != 1 or self.line[start : self.at].rstrip(") ").endswith(",")
            return tuple(found)
        if self.accept(r"\["):
            return self.listed(self.value, r"\]")
        if self.accept(r"\{"):
            return dict(self.listed(self.item, r"\}"))
        if (text := self.accept(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")) is not None:
            return ast.literal_eval(text)
        if (number := self.accept(r"-?\d[\d.]*(?:e[+-]?\d+)?")) is not None:
            return ast.literal_eval(number)
        word = self.take(NAME)
        if word in CONSTANTS:
            return CONSTANTS[word]
        return ValueRef(word, int(index[1:]) if (index := self.accept(r":\d+")) else 0)

    def item(self) -> tuple[Any, Any]:
        key = self.value()
        self.take(":")
        return key, self.value()

    def tensor(self) -> TensorSpec:
        dtype = self.accept(r"[a-z]\w*") or "float32"
        return TensorSpec(self.value(), dtype)

    def variable(self) -> tuple[str, tuple[int, ...], Sequence[str]]:
        path, shape, words = self.take(r"[\w/]+"), self.value(), []
        while (word := self.accept(r"[a-z]\w*")) is not None:
            words.append(word)
        return path, shape, words

    def place(self) -> tuple[str, int] | None:
        if self.accept("nowhere"):
            return None
        layer = self.take(NAME)
        return layer, int(self.take(r"\[\d+\]")[1:-1])

    def origin(self) -> Origin:
        path: Path = tuple(
            int(index) if index else key for index, key in re.findall(r"\[(\d+)\]|((?:block )?\w+)", self.take(PATH))
        )
        return Origin(str(section_place(path)[-1]), path) if path else BASE
