"""What `weights` says of values that are made of the base's: a strategy, by its word, or with what it takes.

weights: sum                                             of `input`
weights: {take: [2, 1, 0]}
weights: centre                                          of an entry of `set`
weights: identity                                        of a new layer
weights: {of: fc1, reshape: dense_to_conv}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, show
from spec_compiler.language.parsed import Parsed

OF = "of"  # the layer that values are made of, beside the strategy
LIKE = "like"  # the strategy of `{of: NAME}` alone: variables of the same meaning
_Check = Callable[[Any], Iterator[Diagnostic]]


@dataclass(frozen=True)
class Form:
    """A strategy as the language has it: what it says, and what its value may be; a word alone has none."""

    says: str
    schema: Mapping[str, Any] | None = None
    check: _Check = lambda value: iter(())


def _integers(value: Any) -> Iterator[Diagnostic]:
    if not isinstance(value, list | tuple) or not value:
        yield Diagnostic("SC103", f"`take` is a list of channels, got {show(value)}", help="as `take: [2, 1, 0]`")
        return
    for index, each in enumerate(value):
        if type(each) is not int or each < 0:
            message = f"a channel is a number from 0, got {show(each)}"
            yield Diagnostic("SC103", message, (index,), help="as `take: [2, 1, 0]`")


_CHANNELS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}


@dataclass(frozen=True, slots=True)
class Adapted(Parsed):
    """A strategy, its value, and the layer that it is of."""

    forms: ClassVar[Mapping[str, Form]]
    of_layers: ClassVar[bool] = False

    strategy: str
    value: Any = field(default=None, hash=False)
    of: str | None = None

    @classmethod
    def _parsed(cls, raw: Any) -> Self:
        """The strategy that a YAML value says.

        Raises:
            SpecError: SC103 another form, or no such strategy; of what a strategy takes, as its form says.
        """
        says = dict(raw) if isinstance(raw, Mapping) else {raw: None} if isinstance(raw, str) else {}
        of = says.pop(OF, None) if cls.of_layers else None
        if cls.of_layers and isinstance(raw, Mapping) and OF in raw and (not isinstance(of, str) or not of.strip()):
            raise SpecError.single("SC103", f"`of` names a layer, got {show(of)}", path=(OF,))
        if of is not None and not says:
            return cls(LIKE, None, of)
        words = list(cls.forms)
        if len(says) != 1 or not all(isinstance(key, str) for key in says):
            message = f"`weights` takes one strategy, got {show(raw)}"
            raise SpecError.single("SC103", message, help=f"one of {quoted(words)}")
        [(word, value)] = says.items()
        form = cls.forms.get(word)
        if form is None:
            path = (word,) if isinstance(raw, Mapping) else ()
            help = did_you_mean(word, words, f"there are {quoted(words)}")
            message = f"no strategy for weights named `{word}` here"
            raise SpecError.single("SC103", message, path=path, at_key=bool(path), help=help)
        if (value is None) != (form.schema is None):
            message = f"`{word}` stands alone" if form.schema is None else f"`{word}` needs a value"
            raise SpecError.single("SC103", message, help=form.says)
        problems = [each.under(word) for each in form.check(value)]
        if problems:
            raise SpecError(problems)
        return cls(word, value, of)


class InputWeights(Adapted):
    """What the kernels that read an input become on other channels."""

    definition = "input_weights"
    forms: ClassVar = {
        "sum": Form("each new channel stands for the sum of all old ones: exact for gray that was repeated"),
        "mean": Form("the sum divided by the number of old channels"),
        "repeat": Form("old channels in turns, scaled by old / new"),
        "zeros": Form("new channels get zeros: exact for the old ones"),
        "take": Form("which old channel each new one takes", _CHANNELS, _integers),
    }


class SetWeights(Adapted):
    """What the weights of a kept layer become under its new arguments."""

    definition = "set_weights"
    forms: ClassVar = {
        "centre": Form("zeros around the old kernel, where its padding wants them: the layer computes what it did"),
    }


class NewWeights(Adapted):
    """Where the values of a new layer come from."""

    definition = "new_weights"
    of_layers: ClassVar = True
    forms: ClassVar = {
        "identity": Form("the layer puts out what it takes; at the end of a residual branch it adds zeros"),
    }


def schema_of(kind: type[Adapted]) -> dict[str, Any]:
    """The definition of `weights` in the JSON Schema."""
    of = {OF: {"type": "string", "description": "The layer, of the model or of the base, that values are made of."}}
    beside = of if kind.of_layers else {}
    words = [key for key, form in kind.forms.items() if form.schema is None]
    valued = {key: {"description": form.says, **form.schema} for key, form in kind.forms.items() if form.schema}
    branches: list[dict[str, Any]] = [{"const": word, "description": kind.forms[word].says} for word in words]
    if valued or beside:
        branches.append(
            {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1 + len(beside),
                "properties": {**beside, **valued},
            }
        )
    return {"description": (kind.__doc__ or "").split("\n")[0], "anyOf": branches}


for _kind in (InputWeights, SetWeights, NewWeights):
    _kind.definitions = {_kind.definition: schema_of(_kind)}
