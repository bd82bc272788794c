"""`Advice`: a help that says one thing to write, with that as changes of the spec, which `check --fix` makes."""

from __future__ import annotations

from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Write(NamedTuple):
    """What a diagnostic means becomes `value`: the value there, with `at_key` the key, with `chars` a part of the text.

    With a path of its own it is the value there; a key that is not there is added.
    """

    value: Any
    path: Path = ()


class Rename(NamedTuple):
    """The key at the end of a path gets another name; its value stays."""

    key: str
    path: Path = ()


class Add(NamedTuple):
    """A mapping gets one key more, at its end or `first`; a class that stands alone gets its first argument."""

    key: str
    value: Any
    path: Path = ()
    first: bool = False


class Remove(NamedTuple):
    """A key goes with its value, or an entry of a list; comments in it stay its owner's unless they are to go too."""

    path: Path = ()
    comments: bool = False


class Wrap(NamedTuple):
    """A value becomes a mapping of one key that holds it."""

    key: str
    path: Path = ()


class Space(NamedTuple):
    """A key that holds its value, `units:4`, is written as both, `units: 4`."""

    path: Path = ()


class Rewrite(NamedTuple):
    """The text that a diagnostic underlines becomes another: for what is no YAML, and so has no path."""

    text: str


Change = Write | Rename | Add | Remove | Wrap | Space | Rewrite


class Advice(str):
    """A help that says one thing to write, and what that changes, in order; paths go on from the diagnostic's own.

    >>> advice = Advice("did you mean `Dense`?", Write("Dense"))
    >>> print(advice, *advice.changes)
    did you mean `Dense`? Write(value='Dense', path=())
    """

    changes: tuple[Change, ...]

    def __new__(cls, text: str, *changes: Change) -> Advice:
        """The text of the help, with its changes."""
        advice = super().__new__(cls, text)
        advice.changes = changes
        return advice

    def saying(self, text: str) -> Advice:
        """The same changes, said in another way."""
        return Advice(text, *self.changes)


def write(value: Any, text: str) -> Advice:
    """The help that says to write a value in the place of what is wrong.

    >>> write(4, "write `units: 4`").changes
    (Write(value=4, path=()),)
    """
    return Advice(text, Write(value))
