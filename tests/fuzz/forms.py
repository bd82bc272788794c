"""The fuzzer of forms: specs of the gallery, and one of all forms, broken as data and written anew as YAML.

    python -m tests.fuzz.forms --count 20000 --seed 1

`specs.py` breaks lines of text, of which many are no YAML any more; these are, so each is read to where it is wrong:
keys, types, nesting, names, numbers, expressions, modifiers, blocks that go round in circles or grow without end.
Demanded of each is what `specs.py` demands: nothing is raised, every diagnostic has its place, and it takes no second.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from spec_compiler.edits import EDITS
from spec_compiler.spec import load_spec
from spec_compiler.text.yaml_text import parse_source
from tests.fuzz.breaking import Broken
from tests.fuzz.slips import slip
from tests.fuzz.specs import SECONDS, keep, timed
from tests.fuzz.valid_specs import ROOT, SECTIONS, VGG, keep_graphs

Chance = random.Random
FORMS = """\
spec: 1
vars: {rate: 0.3, top: [GlobalAveragePooling2D, {Dropout: "${rate}"}], options: {kernel_size: 3, padding: same}}
blocks:
  conv:
    vars: {filters: 64, size: 3}
    layers:
      - Conv2D: {filters: "${filters}", kernel_size: "${size}", padding: same}
      - BatchNormalization
      - ReLU
  pair:
    vars: {filters: 64}
    layers:
      - conv: {filters: "${filters}", times: 2}
      - {Add: {}, from: [in, above]}
base: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3]}
replace:
  - layers: {each: block4_conv*}
    except: block4_conv3
    with: {Conv2D: {filters: "${in.channels}", kernel_size: 3, padding: same}, name: "{name}_new"}
insert:
  - after: {each: "block*_pool"}
    with:
      - GlobalAveragePooling2D: {keepdims: true}
      - Conv2D: {filters: "${in.channels // 16}", kernel_size: 1, activation: relu}
      - Conv2D: {filters: "${in.channels}", kernel_size: 1, activation: sigmoid}
      - {Multiply: {}, name: "{name}_se", from: [in, above]}
set:
  - {layers: type:Conv2D, where: {activation: relu}, except: new, to: {activation: silu}}
head:
  - pair: {filters: 512, times: 3, name: stage}
  - {Reshape: {target_shape: [-1, "${in.channels}"]}, name: rows}
  - {MultiHeadAttention: {num_heads: 2, key_dim: 8}, from: {query: rows, value: rows}, call: {training: false}}
  - {LSTM: {units: 4, return_state: true}, name: states}
  - {Concatenate: {}, from: [states.0, states.1]}
  - {Dense: {units: 8}, name: shared}
  - {layer: shared, from: above, name: again}
rename: {block1_conv1: first}
freeze: ..<block5_conv1
expect: {absent: type:Lambda}
"""
GRAPH = """\
spec: 1
bases:
  a: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3]}
  b: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3], as: layer}
steps:
  - inputs:
      image: {shape: [64, 64, 3], feeds: [a/input_layer]}
      video: {shape: [4, 64, 64, 3]}
      table: {shape: [10]}
  - head:
      - {TimeDistributed: {layer: b}, from: video, name: frames}
      - GlobalAveragePooling3D: {name: moving}
      - {GlobalAveragePooling2D: {}, from: a/block5_pool, name: still}
      - {Concatenate: {}, from: [moving, still, table]}
      - {Dense: {units: 3, activation: softmax}, name: kind}
  - insert: {before: kind, with: {Dropout: 0.5}}
  - outputs: {kind: kind}
  - freeze: [a/.., "a[0:3]"]
compile: {optimizer: adam, loss: categorical_crossentropy}
"""
TYPES: tuple[Any, ...] = (3, 0.5, True, "text", "", [], {}, [1, 2], {"a": 1}, [[[]]], {"a": {"b": {"c": 1}}}, "${x}")
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 10**450, 1e308, float("inf"), float("nan"), 10**6, 1e-320)
NAMES = ("..", "a/", "/x(/", "x..<", "a[0:", "a[9:3]", "[3]", "type:", "type:Nope", "{name}", "{index}", "lstm.9")
WORDS = ("in", "above", "base", "all", "new", "head", "layer", "states.2", "a/b/c", "no:Name", "1:2", "x@1", "\u00e9")
EXPRESSIONS = (
    "${in.channels // 0}", "${in.channels % 0}", "${in.}", "${in}", "${in.chanels}", "${in.channels + }",
    "${in.channels ** 9}", "${in.channels * 99999999999999999999999}", "${-in.channels}", "${(in.channels}",
    "${in.shape}", "${in.shape[0]}", "${in.shape // 2}", "${__import__('os')}", "${above.channels}",
    "${in.channels / 2}", "${}", "${ }", "${a.b}", "$${x}", "${in.channels} px", "${index}", "${count}",
    "${" + "(" * 500 + "1" + ")" * 500 + "}", "${" + "9*" * 900 + "9}",
)  # fmt: skip
MODIFIERS = ("from", "call", "weights", "name", "layer", "times", "with", "each", "where", "except", "as", "feeds")
BOMB = {
    "blocks": {
        **{f"x{depth}": {"layers": [{f"x{depth + 1}": {"times": 1_000}}]} for depth in range(9)},
        "x9": {"layers": ["ReLU"]},
    },
    "head": {"x0": {"times": 1_000}},
}


class Place(NamedTuple):
    """Where a value stands: the mapping or list that holds it, and under what."""

    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.holder[self.key]

    def set(self, value: Any) -> None:
        """Puts another value there."""
        self.holder[self.key] = value

    def rename(self, key: str) -> None:
        """Gives the value another key, at the same place in the order."""
        items = [(key if old == self.key else old, value) for old, value in self.holder.items()]
        self.holder.clear()
        self.holder.update(items)


def places(data: Any) -> Iterator[Place]:
    """Every place in nested data."""
    for key in list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield Place(data, key)
        yield from places(data[key])


Breaks = Callable[[Any, Place, Chance, list[Any]], object]  # the data, a place in it, other data to take from


def _keyed(change: Callable[[Place, Chance, list[Any]], object]) -> Breaks:
    """A change of a place that has a key: of another one, where there is none here."""

    def breaks(data: Any, place: Place, chance: Chance, others: list[Any]) -> None:
        if isinstance(place.key, int):
            place = chance.choice([each for each in places(data) if isinstance(each.key, str)])
        change(place, chance, others)

    return breaks


def _valued(kind: type | tuple[type, ...], change: Callable[[Place, Chance], Any]) -> Breaks:
    """A place whose value is of a kind gets another value."""

    def breaks(data: Any, place: Place, chance: Chance, others: list[Any]) -> None:
        found = [each for each in places(data) if isinstance(each.value, kind) and each.value is not True]
        if found:
            place = chance.choice(found)
            place.set(change(place, chance))

    return breaks


def _twice(place: Place) -> None:
    if isinstance(place.holder, list):
        place.holder.insert(place.key, copy.deepcopy(place.value))
    else:
        place.holder[f"{place.key}_2"] = copy.deepcopy(place.value)


def _out(place: Place) -> None:
    """What a mapping or list holds stands where it stood itself."""
    value = place.value
    if isinstance(value, dict) and isinstance(place.holder, dict):
        place.holder.update(place.holder.pop(place.key))
    elif isinstance(value, dict | list) and value:
        place.set(next(iter(value.values())) if isinstance(value, dict) else value[0])


def _moved(data: Any, place: Place, chance: Chance, others: list[Any]) -> None:
    holders = [data, *(each.value for each in places(data) if isinstance(each.value, dict))]
    value = copy.deepcopy(place.value)
    del place.holder[place.key]
    chance.choice(holders)[str(place.key)] = value


def _modified(data: Any, place: Place, chance: Chance, others: list[Any]) -> None:
    """A modifier beside what was enough, with a value from anywhere."""
    holder = place.holder if isinstance(place.holder, dict) else place.value
    if isinstance(holder, dict):
        holder[chance.choice(MODIFIERS)] = copy.deepcopy(chance.choice((_from(others, chance).value, *TYPES)))


def _circle(data: Any, place: Place, chance: Chance, others: list[Any]) -> None:
    """Blocks that use each other, or themselves."""
    blocks = data.get("blocks")
    if not isinstance(blocks, dict) or not blocks:
        blocks = data["blocks"] = {"x": {"layers": ["ReLU", "y"]}, "y": {"layers": [{"x": {"times": 2}}]}}
        data["head"] = chance.choice(("x", [{"y": {}}], [{"x": {"name": "z"}}, "y"]))
    for block in chance.sample(list(blocks.values()), chance.randrange(1, len(blocks) + 1)):
        if isinstance(block, dict) and isinstance(block.get("layers"), list):
            block["layers"].append({chance.choice(list(blocks)): chance.choice(({}, {"times": 3}, None))})


def _stepped(data: Any, place: Place, chance: Chance, others: list[Any]) -> None:
    """The sections as steps, in any order, some of them twice."""
    found = [key for key in EDITS if key in data]
    steps = [{key: data.pop(key)} for key in found]
    data["steps"] = chance.choices(steps, k=len(steps) + 1) if chance.random() < 0.3 and steps else steps
    chance.shuffle(data["steps"])


def _from(others: list[Any], chance: Chance) -> Place:
    return chance.choice(list(places(chance.choice(others))))


def _place(change: Callable[[Place, Chance], object]) -> Breaks:
    return lambda data, place, chance, others: change(place, chance)


KINDS: dict[str, Breaks] = {
    "key gone": _place(lambda place, chance: place.holder.__delitem__(place.key)),
    "misspelt key": _keyed(lambda place, chance, others: place.rename(_slip(place.key, chance))),
    "key of elsewhere": _keyed(lambda place, chance, others: place.rename(str(_from(others, chance).key))),
    "another type": _place(lambda place, chance: place.set(copy.deepcopy(chance.choice(TYPES)))),
    "nothing": _place(lambda place, chance: place.set(None)),
    "twice": _place(lambda place, chance: _twice(place)),
    "list for one": _place(lambda place, chance: place.set(chance.choice(([place.value], [place.value] * 2)))),
    "one for a list": _valued(list, lambda place, chance: (place.value or [None])[0]),
    "nested too deep": _place(lambda place, chance: place.set({str(place.key): place.value})),
    "nested too little": _place(lambda place, chance: _out(place)),
    "moved": _moved,
    "name of nothing": _valued(str, lambda place, chance: _other_name(place.value, chance)),
    "big number": _valued((int, float), lambda place, chance: chance.choice(NUMBERS)),
    "expression": _place(lambda place, chance: place.set(chance.choice(EXPRESSIONS))),
    "modifier": _modified,
    "from elsewhere": lambda data, place, chance, others: place.set(copy.deepcopy(_from(others, chance).value)),
    "circle of blocks": _circle,
    "blocks without end": lambda data, place, chance, others: data.update(copy.deepcopy(BOMB)),
    "steps": _stepped,
}


def _slip(key: str, chance: Chance) -> str:
    return slip(key, chance) if any(each.isalpha() and each.isascii() for each in key) else f"{key}x"


def _other_name(name: str, chance: Chance) -> str:
    return chance.choice((_slip(name, chance), chance.choice(NAMES), chance.choice(WORDS)))


def written(data: Any, depth: int, indent: str = "") -> str:
    """The data as YAML, a line for each key and entry down to a depth, in one line what is deeper."""
    if not isinstance(data, dict | list) or not data or not depth:
        return json.dumps(data, ensure_ascii=False).replace("Infinity", ".inf").replace("NaN", ".nan")
    heads = [f"{json.dumps(key)}:" for key in data] if isinstance(data, dict) else ["-"] * len(data)
    lines = []
    for head, value in zip(heads, data.values() if isinstance(data, dict) else data, strict=True):
        below = written(value, depth - 1, f"{indent}  ")
        lines.append(f"{indent}{head} {below}".replace(" \n", "\n", 1))
    return "\n" * bool(indent) + "\n".join(lines)


def broken(data: Any, kind: str, chance: Chance, others: list[Any]) -> Broken:
    """The data with a mistake of a kind, sometimes with another one as well, as text."""
    data = copy.deepcopy(data)
    kinds = [kind] if chance.random() < 0.7 else [kind, chance.choice(list(KINDS))]
    for each in kinds:
        found = list(places(data))
        if found:
            KINDS[each](data, chance.choice(found), chance, others)
    text = written(data, chance.randrange(2, 6)) + "\n"
    return Broken(" and ".join(kinds), text.encode(), frozenset(), frozenset())


def originals() -> dict[str, str]:
    """The texts that are broken: all of `specs/` and its gallery, and those of all forms."""
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "specs").rglob("*.yaml"))}
    return {"sections": SECTIONS, "forms": FORMS, "graph": GRAPH, **found}


@dataclass
class Report:
    """What a run found: how many cases of a kind were told, by which codes, and what failed."""

    kinds: Counter[tuple[str, bool]] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Broken, str]] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        rows = [f"{kind:<20} {self.kinds[kind, True]:>7,} told, {self.kinds[kind, False]:>7,} fine" for kind in KINDS]
        codes = ", ".join(f"{code} {count:,}" for code, count in sorted(self.codes.items()))
        return "\n".join((*rows, codes, f"slowest {self.slowest:.2f} s, {len(self.failures)} failures"))


def run(count: int, seed: int) -> Report:
    """So many broken specs, the same for the same seed; the specs of all forms are broken as often as all others."""
    chance, report = Chance(seed), Report()
    texts = {name: parse_source(text).data for name, text in originals().items()}
    others = list(texts.values())
    kinds = list(KINDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep_graphs(load_spec({"spec": 1, "base": VGG}))
        for number in range(count):
            data = chance.choice((texts["forms"], texts["graph"])) if chance.random() < 0.5 else chance.choice(others)
            kind = kinds[number % len(kinds)]
            _one(broken(data, kind, chance, others), kind, folder, report)
    return report


def _one(case: Broken, kind: str, folder: Path, report: Report) -> None:
    found, problem, seconds = timed(case.text, folder)
    report.slowest = max(report.slowest, seconds)
    if problem is None and seconds > SECONDS:
        problem = f"took {seconds:.1f} s"
    if problem is not None:
        report.failures.append((case, problem))
    report.kinds[kind, any(each.severity == "error" for each in found)] += 1
    report.codes.update({each.code for each in found})


def main() -> int:
    """Runs from the command line; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = run(options.count, options.seed)
    for case, problem in report.failures:
        print(f"{keep(case)}\n{case.kind}: {problem}\n")
    print(report)
    return int(bool(report.failures))


if __name__ == "__main__":
    if "SPEC_COMPILER_CACHE" not in os.environ:
        os.environ["SPEC_COMPILER_CACHE"] = tempfile.mkdtemp(prefix="spec-compiler-fuzz-")
    sys.exit(main())
