"""What a spec does to a model, read off two graphs: which layers are kept, new, changed and dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from spec_compiler.edits.dtype import policies_in, policy_name
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Contract, contracts
from spec_compiler.graph.graph import LeftOut
from spec_compiler.graph.layer_spec import LayerSpec, Shape
from spec_compiler.graph.node import TensorSpec
from spec_compiler.graph.trainable import flags, num_frozen
from spec_compiler.plan.grouped import to_json as group_json
from spec_compiler.plan.listing import Listing
from spec_compiler.plan.low_rank import lora_text
from spec_compiler.plan.promises.promise import Promise
from spec_compiler.spec.compilation import Compile
from spec_compiler.spec.phase import PlannedPhase
from spec_compiler.spec.rates import Group
from spec_compiler.spec.sweep import Sweep

Action = Literal["kept", "changed", "new", "dropped"]
ACTIONS: tuple[Action, ...] = ("new", "changed", "dropped", "kept")

FORMAT_VERSION = 1


@dataclass(frozen=True, repr=False)
class Change:
    """What happens to one layer. `before` is None for a new layer, `after` for a dropped one.

    `details` names what differs in a changed layer, as `(what, before, after)`.

    Attributes:
        action: `kept`, `changed`, `new` or `dropped`.
        before: the layer in the base; None where it is new.
        after: the layer in the result; None where it is dropped.
        before_shapes: what its calls put out in the base.
        after_shapes: what its calls put out in the result.
        details: of a changed layer each thing that differs: what it is, and its values before and after.
    """

    action: Action
    before: LayerSpec | None = None
    after: LayerSpec | None = None
    before_shapes: tuple[Shape, ...] = ()
    after_shapes: tuple[Shape, ...] = ()
    details: tuple[tuple[str, Any, Any], ...] = ()

    def __repr__(self) -> str:
        what = "; ".join(f"{name} {was!s:.40} → {now!s:.40}" for name, was, now in self.details)
        return f"<{self.action} {self.layer.class_name} {self.name}{what and f': {what}'}>"

    @property
    def layer(self) -> LayerSpec:
        """The layer after the change, or before it where it is dropped."""
        layer = self.after or self.before
        assert layer is not None
        return layer

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def shape(self) -> Shape | None:
        """Output shape of the layer's first call, after the change (before it for a dropped layer)."""
        shapes = self.after_shapes if self.after else self.before_shapes
        return shapes[0] if shapes else None


@dataclass(frozen=True, repr=False)
class Plan:
    """The base and the result as graphs, and what differs; `phases` are those that the result is trained in,
    `promises` those that it keeps, `compilation` what it is compiled with where no phase does that, and `groups` which
    variables then learn how, `sweep` which values of variables are to be tried: the plan is that of the variables' own.

    Kept layers are matched by name and origin: a new layer that takes a dropped layer's name is still new.

    Attributes:
        name: of the result.
        before: the base as a graph.
        after: the result as a graph.
        phases: those that it is trained in.
        promises: what `expect` and a policy say, and what was found.
        compilation: what it is compiled with, where no phase does that.
        sweep: which values of variables are to be tried; the plan is that of the variables' own.
        groups: which variables learn how, where a learning rate is multiplied or a decay left out.
    """

    name: str
    before: Graph
    after: Graph
    phases: tuple[PlannedPhase, ...] = ()
    promises: tuple[Promise, ...] = ()
    compilation: Compile | None = None
    sweep: Sweep | None = None
    groups: tuple[Group, ...] = ()

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(action)} {action}" for action in ACTIONS if self.count(action))
        return f"<Plan {self.name}: {counts} layers, {self.after.num_parameters:,} parameters>"

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """One change for each layer of the base and of the result, dropped ones beside where they stood."""
        kept = [layer.wrapped or layer for layer in self.after.layers.values() if layer.keeps_weights]
        survivors = {layer.name_in_base for layer in kept}
        dropped_before: dict[str, list[Change]] = {}  # from a survivor to the layers between it and the one before
        waiting: list[Change] = []
        for name in self.before.calls:
            if name in survivors:
                dropped_before[name] = waiting
                waiting = []
            else:
                shapes = _shapes(self.before, name)
                waiting.append(Change("dropped", before=self.before.layers[name], before_shapes=shapes))
        changes: list[Change] = []
        last_kept = -1
        for name in self.after.calls:
            layer = self.after.layers[name]
            if layer.wrapped is not None:
                waiting = [*dropped_before.pop(layer.wrapped.name_in_base, []), *waiting]
            if layer.is_new:
                changes.append(Change("new", after=layer, after_shapes=_shapes(self.after, name)))
                continue
            was = layer.base_name or name
            # Right after the last kept layer, before what replaces them: a reader meets the old, then the new.
            changes[last_kept + 1 : last_kept + 1] = dropped_before.pop(was, [])
            changes.append(self._kept(self.before.layers[was], layer))
            last_kept = len(changes) - 1
        changes[last_kept + 1 : last_kept + 1] = waiting
        return Listing(changes)

    def _kept(self, before: LayerSpec, after: LayerSpec) -> Change:
        old, new = _shapes(self.before, before.name), _shapes(self.after, after.name)
        details: list[tuple[str, Any, Any]] = []
        calls = len(self.before.calls[before.name]), len(self.after.calls[after.name])
        if calls[0] != calls[1]:
            details.append(("calls", *calls))
        if set(old) != set(new) or (calls[0] == calls[1] and old != new):
            was, now = (shapes[0] if len(shapes) == 1 else list(shapes) for shapes in (old, new))
            details.append(("output shape", was, now))
        if before.trainable != after.trainable and after.variables:  # what holds none is as it was, frozen or not
            details.append(("trainable", before.trainable, after.trainable))
        if before.trainable and after.trainable and (inside := _frozen_inside(before, after)) is not None:
            details.append(("frozen inside", *inside))
        if before.name != after.name:
            details.append(("name", before.name, after.name))
        details += _config_changes(before, after)
        if after.lora is not None and after.has_new_lora:
            details.append(("LoRA", "none", lora_text(after.lora)))
        if after.adapter is not None:
            details.append(("weights", "copied", f"adapted ({after.adapter.strategy})"))
        return Change("changed" if details else "kept", before, after, old, new, tuple(details))

    @cached_property
    def contracts(self) -> tuple[Contract, ...]:
        """What the result promises of values that are made of the base's."""
        return tuple(contracts(self.after))

    @property
    def renamed(self) -> Mapping[str, str]:
        """From the names of kept layers in the base to those in the result, where they differ."""
        return self.after.renamed

    def action_of(self, layer: str, side: Literal["before", "after"]) -> Action:
        """What happens to a layer of one of the two graphs."""
        return self._actions[side][layer]

    @cached_property
    def _actions(self) -> dict[str, dict[str, Action]]:
        wrapped = (layer.wrapped for layer in self.after.layers.values() if layer.wrapped is not None)
        inside: dict[str, Action] = {layer.name_in_base: "kept" for layer in wrapped}
        return {
            "before": inside
            | {change.before.name: change.action for change in self.changes if change.before is not None},
            "after": {change.after.name: change.action for change in self.changes if change.after is not None},
        }

    def count(self, action: Action) -> int:
        """How many layers the action happens to."""
        return sum(change.action == action for change in self.changes)

    @property
    def is_empty(self) -> bool:
        """Whether the result is the base as it was."""
        return all(change.action == "kept" for change in self.changes)

    @property
    def num_frozen(self) -> int:
        """Parameters of the result that training leaves alone because their layer is frozen."""
        return num_frozen(self.after)

    # How a notebook shows it; `compiler` sets it, as pictures know plans and plans know no pictures.
    display: ClassVar[Callable[[Plan], dict[str, str]]] = lambda plan: {"text/plain": repr(plan)}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: figures, promises and the picture, and as text a tree."""
        show = type(self).display
        return show(self)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data, with a `format_version`; its schema is `schemas/plan.schema.json`."""
        return {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "base": self.before.name,
            "summary": {
                **{action: self.count(action) for action in ("kept", "changed", "new", "dropped")},
                "parameters": {"before": self.before.num_parameters, "after": self.after.num_parameters},
                "frozen_parameters": self.num_frozen,
            },
            "inputs": {"before": _tensors(self.before, "inputs"), "after": _tensors(self.after, "inputs")},
            "outputs": {"before": _tensors(self.before, "outputs"), "after": _tensors(self.after, "outputs")},
            "layers": [_change_json(change) for change in self.changes],
            **({"phases": [_phase_json(phase, self.after) for phase in self.phases]} if self.phases else {}),
            **({"sweep": self.sweep.to_json()} if self.sweep else {}),
            **({"compile": self.compilation.to_json()} if self.compilation else {}),
            **({"rates": [each.to_json() for each in self.groups]} if self.groups else {}),
            **({"groups": [group_json(each) for each in self.after.groups]} if self.after.groups else {}),
            **({"weights": [each.to_json() for each in self.contracts]} if self.contracts else {}),
            **({"left": [_left_json(each) for each in self.after.left]} if self.after.left else {}),
            **({"promises": [promise.to_json() for promise in self.promises]} if self.promises else {}),
        }


def _phase_json(phase: PlannedPhase, graph: Graph) -> dict[str, Any]:
    frozen = graph.num_parameters - phase.num_trained
    parameters = {"trained": phase.num_trained, "frozen": frozen}
    groups: dict[str, Any] = {"rates": [each.to_json() for each in phase.groups]} if phase.groups else {}
    if phase.unfreezes:
        stages = [
            {"epoch": each.epoch, "layers": list(each.layers), "trained": each.num_trained} for each in phase.unfreezes
        ]
        groups["unfreezes"] = stages
    return {"name": phase.name, "epochs": phase.epochs, "parameters": parameters, **groups}


def _left_json(left: LeftOut) -> dict[str, Any]:
    said = {"layer": left.layer, "reason": left.reason}
    return {**said, "section": left.origin.section, "path": list(left.origin.path)}


def _frozen_inside(before: LayerSpec, after: LayerSpec) -> tuple[str, str] | None:
    """How many of the layers with weights inside of a nested model are frozen, where an edit changed which."""
    if before.inner is None or after.inner is None or before.inner is after.inner:
        return None
    sides = [flags(side) for side in (before.inner, after.inner)]
    was, now = (f"{[*each.values()].count(False)} of {len(each)} layers" for each in sides)
    return (was, now) if sides[0] != sides[1] else None


def _has_other_lora(layer: LayerSpec) -> bool:
    """Whether an edit gave it LoRA or took it away, which is told otherwise."""
    return layer.has_new_lora or (layer.adapter is not None and layer.adapter.absorbs_lora)


_OF_LORA = ("lora_rank", "lora_alpha", "layer")  # in the configs of some classes only, and of what these wrap


def _shapes(graph: Graph, layer: str) -> tuple[Shape, ...]:
    return tuple(spec.shape for call in graph.calls[layer] for spec in graph.nodes[call].outputs)


def _config_changes(before: LayerSpec, after: LayerSpec) -> Iterator[tuple[str, Any, Any]]:
    old, new = before.arguments, after.arguments
    if old is new:  # of nearly every layer, as an edit shares what it does not change
        return
    # Each has a line of its own in a plan.
    said = {"trainable", "name", "batch_shape" if after.kind == "input" else ""}  # an input's is its output shape
    for key in sorted(old.keys() | new.keys()):
        if key in said or old.get(key) == new.get(key) or (key in _OF_LORA and _has_other_lora(after)):
            continue
        if key == "layers" and after.kind == "model":  # whose dtype alone an edit changes from outside
            was, now = (", ".join(sorted(set(policies_in(each[key])))) for each in (old, new))
            yield "dtype", was, now
        elif key == "dtype":  # a policy, which Keras writes as an object
            yield key, policy_name(old.get(key)) or old.get(key), policy_name(new.get(key)) or new.get(key)
        else:
            yield key, old.get(key), new.get(key)


def _tensors(graph: Graph, side: Literal["inputs", "outputs"]) -> list[dict[str, Any]]:
    tensors = []
    for ref in graph.input_refs if side == "inputs" else graph.output_refs:
        spec = graph.spec_of(ref) or TensorSpec(())
        tensors.append({"layer": graph.nodes[ref.node].layer, "shape": list(spec.shape), "dtype": spec.dtype})
    return tensors


def _change_json(change: Change) -> dict[str, Any]:
    layer = change.layer

    def sides(value: Callable[[LayerSpec], Any]) -> dict[str, Any]:
        ends = {"before": change.before, "after": change.after}
        return {side: value(end) if end is not None else None for side, end in ends.items()}

    return {
        "name": layer.name,
        "class": layer.class_name,
        "action": change.action,
        "origin": layer.origin.section,
        "path": list(cause.path) if (cause := layer.cause or layer.renamed_by) else None,
        "shape": {
            "before": list(change.before_shapes[0]) if change.before_shapes else None,
            "after": list(change.after_shapes[0]) if change.after_shapes else None,
        },
        "parameters": sides(lambda layer: layer.num_parameters),
        "trainable": sides(lambda layer: layer.trainable),
        "changes": [{"what": what, "before": was, "after": now} for what, was, now in change.details],
    }
