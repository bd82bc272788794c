"""Two graphs layer by layer: what a file has otherwise than the result of its spec, down to every argument and edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spec_compiler.edits.dtype import policy_name
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.graph.node import ValueRef
from spec_compiler.keras_facts.argument_values import flow
from spec_compiler.locking.plain import plain
from spec_compiler.plan.two_models import match_layers

# Said otherwise, or of no layer by itself; what is inside of a model is compared layer by layer.
_OTHERWISE = ("name", "trainable")
_OF_MODELS = ("layers", "input_layers", "output_layers", "dtype", "build_input_shape")
_LONGEST = 80


class Difference(NamedTuple):
    """What of a layer is otherwise; `layer` is its name in the spec's result, or in the file where only that has it.

    `inside` is the layer of a nested model that is meant, if it is one.
    """

    layer: str
    message: str
    inside: str = ""


def matched(expected: Graph, found: Graph) -> dict[str, str]:
    """From the layers of the spec's result to those of the file that they are: by name, else by structure."""
    same = {name: name for name, layer in expected.layers.items() if _is_same(layer, found.layers.get(name))}
    taken = set(same.values())
    others = {each.before: each.after for each in match_layers(expected, found)}
    return same | {one: other for one, other in others.items() if one not in same and other not in taken}


def _is_same(layer: LayerSpec, other: LayerSpec | None) -> bool:
    return other is not None and (layer.class_name, layer.kind) == (other.class_name, other.kind)


def differences(
    expected: Graph,
    found: Graph,
    names: Mapping[str, str],
    *,
    flags: bool = True,
    frozen: tuple[bool, bool] = (False, False),
) -> Iterator[Difference]:
    """What is otherwise, in the order of the spec's result; with `flags` also which layers train.

    `frozen` says whether a model around each of the two is.
    """
    back = {other: one for one, other in names.items()}
    for name in expected.calls:
        layer = expected.layers[name]
        if name not in names:
            yield Difference(name, f"the layer `{name}` ({layer.class_name}) is missing")
            continue
        other = found.layers[names[name]]
        if other.name != name and layer.kind != "operation":  # operations get their numbers from Keras
            yield Difference(name, f"the layer `{name}` ({layer.class_name}) is called `{other.name}`")
        yield from (Difference(name, f"`{name}`: {text}") for text in _arguments(layer, other))
        yield from (Difference(name, f"`{name}`: {text}") for text in _variables(layer, other))
        # of models the layers inside say it: Keras's files do not say it of a `Sequential`
        stands = (frozen[0] or not layer.trainable, frozen[1] or not other.trainable)
        if flags and layer.can_train and layer.weights and layer.inner is None and stands[0] != stands[1]:
            said, made = ("is frozen", "trainable") if stands[1] else ("is not frozen", "frozen")
            yield Difference(name, f"`{name}`: {said}, the spec makes it {made}")
        yield from (Difference(name, f"`{name}`: {text}") for text in _calls(expected, found, name, names[name], back))
        if layer.inner is not None and other.inner is not None:
            below = matched(layer.inner, other.inner)
            inner = differences(layer.inner, other.inner, below, flags=flags, frozen=stands)
            yield from (Difference(name, f"inside of `{name}`, {each.message}", each.layer) for each in inner)
    for name in found.calls:
        if name not in back:
            class_name = found.layers[name].class_name
            yield Difference(name, f"the layer `{name}` ({class_name}) is none that the spec makes")
    for side, ours, theirs in (
        ("inputs", expected.inputs, found.inputs),
        ("outputs", expected.outputs, found.outputs),
    ):
        one, other_side = _said(ours, {}), _said(theirs, _nodes(found, expected, back))
        if one != other_side:
            yield Difference("", f"the {side} of the model are {_short(other_side)}, the spec makes {_short(one)}")


def _arguments(layer: LayerSpec, other: LayerSpec) -> Iterator[str]:
    skipped = {*_OTHERWISE, *(_OF_MODELS if layer.kind == "model" else ())}
    ours, theirs = layer.arguments, other.arguments
    for key in dict.fromkeys((*ours, *theirs)):
        if key in skipped:
            continue
        was, now = _value(ours.get(key)), _value(theirs.get(key))
        if was != now:
            yield f"`{key}` is `{_short(now)}`, the spec makes `{_short(was)}`"


def _value(value: Any) -> Any:
    """A value of a config: a policy is its name, an object its class and arguments, whichever way Keras wrote it."""
    if isinstance(value, Mapping) and "class_name" in value and "config" in value:
        if value["class_name"] == "DTypePolicy":
            return policy_name(value)
        return [value["class_name"], _value(value["config"])]
    if isinstance(value, Mapping):
        return {str(key): _value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_value(each) for each in value]
    return plain(value)


def _variables(layer: LayerSpec, other: LayerSpec) -> Iterator[str]:
    ours, theirs = ([(each.path, each.shape, each.dtype) for each in side.weights] for side in (layer, other))
    if [each[1:] for each in ours] == [each[1:] for each in theirs]:
        return
    if len(ours) != len(theirs):
        yield f"it has {len(theirs)} variables, the spec makes {len(ours)}"
        return
    for one, two in zip(ours, theirs, strict=True):
        if one[1:] != two[1:]:
            yield f"its `{one[0]}` is {two[1]} of {two[2]}, the spec makes {one[1]} of {one[2]}"


def _calls(expected: Graph, found: Graph, name: str, other: str, back: Mapping[str, str]) -> Iterator[str]:
    """What it takes, call by call."""
    ours, theirs = expected.calls[name], found.calls[other]
    if len(ours) != len(theirs):
        yield f"it is called {len(theirs)} times, the spec calls it {len(ours)} times"
        return
    nodes = _nodes(found, expected, back)
    for one, two in zip(ours, theirs, strict=True):
        left, right = expected.nodes[one], found.nodes[two]
        was, now = (
            [_said(left.args, {}), _said(left.kwargs, {})],
            [_said(right.args, nodes), _said(right.kwargs, nodes)],
        )
        if _plain(was) != _plain(now):
            yield f"it takes {_short(_inputs(now))}, the spec gives it {_short(_inputs(was))}"
        shapes = [[(each.shape, each.dtype) for each in node.outputs] for node in (left, right)]
        if shapes[0] != shapes[1]:
            yield f"it puts out {_tensors(right.outputs)}, the spec makes {_tensors(left.outputs)}"


def _nodes(found: Graph, expected: Graph, back: Mapping[str, str]) -> dict[str, str]:
    """From the calls of the file's layers to what the spec's result calls them."""
    names: dict[str, str] = {}
    for layer, calls in found.calls.items():
        ours = expected.calls.get(back.get(layer, ""), ())
        for index, call in enumerate(calls):
            names[call] = ours[index] if index < len(ours) else call
    return names


def _said(value: Any, nodes: Mapping[str, str]) -> Any:
    if isinstance(value, ValueRef):
        name = nodes.get(value.node, value.node)
        return f"{name}.{value.index}" if value.index else name
    if isinstance(value, Mapping):
        return {str(key): _said(each, nodes) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_said(each, nodes) for each in value]
    return plain(value)


def _plain(said: Any) -> Any:
    """What a call is given, less what is left at nothing, which Keras writes or leaves out."""
    args, kwargs = said
    return [args, {key: value for key, value in kwargs.items() if value is not None}]


def _inputs(said: Any) -> Any:
    args, kwargs = _plain(said)
    return args[0] if len(args) == 1 and not kwargs else [*args, *([kwargs] if kwargs else [])]


def _tensors(specs: Any) -> str:
    return ", ".join(str(tuple(each.shape)) for each in specs)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else flow(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
