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
from typing import Any, ClassVar, NamedTuple, Self

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, show
from spec_compiler.language.parsed import Parsed, as_list

OF = "of"  # the layer that values are made of, beside the strategy
LIKE = "like"  # the strategy of `{of: NAME}` alone: variables of the same meaning
BY_NAMES = ("classes", "rows")  # strategies that say names, or a file of them, as `old` and as `new`
_Check = Callable[[Any], Iterator[Diagnostic]]


class Form(NamedTuple):
    """A strategy as the language has it: what it says, and what its value may be; a word alone has none.

    `alone` is whether the word may stand without its value, `of_a_layer` whether `of` stands beside it, `is_list`
    whether its value is a list, which one thing may stand for.
    """

    says: str
    schema: Mapping[str, Any] | None = None
    check: _Check = lambda value: iter(())
    alone: bool = False
    of_a_layer: bool = False
    is_list: bool = False


def _integers(value: Any) -> Iterator[Diagnostic]:
    if not value:
        yield Diagnostic("SC103", "`take` is a list of channels, got none", help="as `take: [2, 1, 0]`")
        return
    for index, each in enumerate(value):
        if type(each) is not int or each < 0:
            message = f"a channel is a number from 0, got {show(each)}"
            yield Diagnostic("SC103", message, (index,), help="as `take: [2, 1, 0]`")


RESHAPES = ("dense_to_conv", "conv_to_dense")


def _reshape(value: Any) -> Iterator[Diagnostic]:
    if value not in RESHAPES:
        help = did_you_mean(value, RESHAPES) if isinstance(value, str) else None
        yield Diagnostic(
            "SC103", f"`reshape` has no such way, got {show(value)}", help=help or f"one of {quoted(RESHAPES)}"
        )


def _old_and_new(value: Any) -> Iterator[Diagnostic]:
    """What is wrong with `{old: …, new: …}`, each the name of a file or a list of names."""
    if not isinstance(value, Mapping) or set(value) != {"old", "new"}:
        help = "as `{old: old.txt, new: new.txt}`, files with one name a line, or lists of names"
        yield Diagnostic("SC103", f"names are said as `old` and as `new`, got {show(value)}", help=help)
        return
    for key, names in value.items():
        if isinstance(names, str) and names.strip():
            continue
        if not isinstance(names, list | tuple) or not names:
            message = f"`{key}` is the name of a file or a list of names, got {show(names)}"
            yield Diagnostic("SC103", message, (key,))
            continue
        seen: dict[str, int] = {}
        for index, name in enumerate(names):
            if not isinstance(name, str) or not name.strip():
                message = f"a name is text, got {show(name)}"
                yield Diagnostic("SC103", message, (key, index), help="put it into quotes")
            elif seen.setdefault(name, index) != index:
                yield Diagnostic("SC103", f"`{name}` stands twice in `{key}`", (key, index), help="take one out")


def _grids(value: Any) -> Iterator[Diagnostic]:
    help = "as `{grid: [14, 14]}`, rows and columns; `old_grid` is that of the base"
    if not isinstance(value, Mapping) or not value or not set(value) <= {"grid", "old_grid"}:
        yield Diagnostic("SC103", f"the grid of the places is said as `grid`, got {show(value)}", help=help)
        return
    for key, grid in value.items():
        is_pair = isinstance(grid, list | tuple) and len(grid) == 2
        if not is_pair or not all(type(each) is int and each > 0 for each in grid):
            yield Diagnostic("SC103", f"`{key}` is two numbers, got {show(grid)}", (key,), help=help)


_NAMES = {
    "anyOf": [
        {"type": "string", "minLength": 1, "description": "A text file with one name a line."},
        {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string", "minLength": 1}},
    ]
}
_OLD_AND_NEW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["old", "new"],
    "properties": {"old": _NAMES, "new": _NAMES},
}
_GRID = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer", "minimum": 1}}
_GRIDS = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {"grid": _GRID, "old_grid": _GRID},
}
_CLASSES = (
    "a head for other classes: the weights of a class go with its name; names are listed in the order of the outputs"
)
_ROWS = (
    "an embedding for other terms: a row goes with its name; names are listed in the order of "
    "the rows, also a name for the row of a mask or of unknown terms"
)
_POSITIONS = (
    "position embeddings on another grid of places, a square unless `grid` says another: cubic "
    "(a = -0.5), with half-pixel centres; tokens in front stay"
)
_CHANNEL = {"type": "integer", "minimum": 0}
_CHANNELS = {"anyOf": [{"type": "array", "minItems": 1, "items": _CHANNEL}, _CHANNEL]}


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
            known = f"there are {quoted(words)}"
            known = f"as `{{of: {word}}}` for the values of a layer; {known}" if cls.of_layers and not path else known
            help = did_you_mean(word, words, known)
            message = f"no strategy for weights named `{word}` here"
            raise SpecError.single("SC103", message, path=path, at_key=bool(path), help=help)
        if form.of_a_layer != (of is not None):
            message = f"`{word}` is of no layer" if of is not None else f"`{word}` needs the layer that values are of"
            help = form.says if of is not None else f"as `{{of: NAME, {word}: …}}`"
            raise SpecError.single("SC103", message, path=(OF,) if of is not None else (), help=help)
        if (value is None) != (form.schema is None) and not (value is None and form.alone):
            message = f"`{word}` stands alone" if form.schema is None else f"`{word}` needs a value"
            raise SpecError.single("SC103", message, help=form.says)
        if form.is_list:
            value = as_list(value)
        problems = [each.under(word) for each in form.check(value)] if value is not None else []
        if problems:
            raise SpecError(problems)
        return cls(word, value, of)


class InputWeights(Adapted):
    "What becomes of the kernels that read an input, if it has other channels."

    definition = "input_weights"
    forms: ClassVar = {
        "sum": Form("the sum over all old channels: exact for gray that was repeated"),
        "mean": Form("that sum, divided by the number of old channels"),
        "repeat": Form("the old channels in turns, scaled by old / new"),
        "zeros": Form("new channels get zeros: exact for the old ones"),
        "take": Form("which old channel each new one takes", _CHANNELS, _integers, is_list=True),
    }


class SetWeights(Adapted):
    "What becomes of the weights of a kept layer that no longer fit its new arguments."

    definition = "set_weights"
    forms: ClassVar = {
        "centre": Form("zeros around the old kernel, where its padding wants them: the layer computes what it did"),
        "classes": Form(_CLASSES, _OLD_AND_NEW, _old_and_new),
        "rows": Form(_ROWS, _OLD_AND_NEW, _old_and_new),
        "first_rows": Form("an embedding with fewer rows, or with new rows behind the old ones"),
        "bicubic": Form(_POSITIONS, _GRIDS, _grids, alone=True),
        "bilinear": Form("the same, interpolated linearly", _GRIDS, _grids, alone=True),
    }


class NewWeights(Adapted):
    """Where the values of a new layer come from."""

    definition = "new_weights"
    of_layers: ClassVar = True
    forms: ClassVar = {
        "identity": Form("the layer puts out what it takes; at the end of a residual branch it adds zeros"),
        "reshape": Form(
            "a `Dense` behind a `Flatten` as a convolution over the map, and back",
            {"enum": list(RESHAPES)},
            _reshape,
            of_a_layer=True,
        ),
        "classes": Form(_CLASSES, _OLD_AND_NEW, _old_and_new, of_a_layer=True),
        "rows": Form(_ROWS, _OLD_AND_NEW, _old_and_new, of_a_layer=True),
    }


def schema_of(kind: type[Adapted]) -> dict[str, Any]:
    """The definition of `weights` in the JSON Schema."""
    of = {
        OF: {
            "type": "string",
            "description": "The layer, of the model or of the base, whose values are taken or changed.",
        }
    }
    beside = of if kind.of_layers else {}
    words = [key for key, form in kind.forms.items() if form.schema is None or form.alone]
    valued = {key: {"description": form.says, **form.schema} for key, form in kind.forms.items() if form.schema}
    needs_of = {key: [OF] for key, form in kind.forms.items() if form.of_a_layer}
    branches: list[dict[str, Any]] = [{"const": word, "description": kind.forms[word].says} for word in words]
    if valued or beside:
        branches.append(
            {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1 + len(beside),
                "properties": {**beside, **valued},
                **({"dependencies": needs_of} if needs_of else {}),
            }
        )
    return {"description": (kind.__doc__ or "").split("\n")[0], "anyOf": branches}


for _kind in (InputWeights, SetWeights, NewWeights):
    _kind.definitions = {_kind.definition: schema_of(_kind)}
