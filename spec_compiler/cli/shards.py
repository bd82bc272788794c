"""One part of many: which files of a list are its own, and how what it writes is called."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

_LARGEST = 1024
_ROUND = 4  # blocks that a part has at least, so that none is much longer than another


@dataclass(frozen=True)
class Shard:
    """The part `number` of `of`, counted from 1. The parts one after the other are the list.

    >>> Shard(1, 3).part("abcdefg"), Shard(2, 3).part("abcdefg"), Shard(3, 3).part("abcdefg")
    ('ab', 'cde', 'fg')
    """

    number: int = 1
    of: int = 1

    def part(self, files: Sequence[Any]) -> Sequence[Any]:
        """Its files, which depend on the list alone.

        A part begins at a multiple of a power of two, so that the batches of long parts are those of the whole list: a
        model may give an image other last digits in a batch of another length.

        >>> [len(Shard(number, 3).part(range(1000))) for number in (1, 2, 3)]
        [320, 320, 360]
        """
        block = _LARGEST
        while block > 1 and len(files) < block * self.of * _ROUND:
            block //= 2
        first, last = (self._near(len(files) * number, block) for number in (self.number - 1, self.number))
        return files[first : len(files) if self.number == self.of else last]

    def _near(self, place: int, block: int) -> int:
        """The multiple of a block that is nearest to a place, which is told times `of`."""
        return (2 * place + self.of * block) // (2 * self.of * block) * block

    def named(self, path: str) -> str:
        """The name of a file, with the part in it; in alphabetical order the names are in that of the parts.

        >>> Shard(3, 12).named("out/found.csv")
        'out/found-03-of-12.csv'
        """
        if self.of == 1:
            return path
        stem, suffix = os.path.splitext(path)
        return f"{stem}-{self.number:0{len(str(self.of))}}-of-{self.of}{suffix}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def said_shard(context: click.Context, parameter: click.Parameter, value: str | None) -> Shard:
    """The shard that an option says, `3/8`; all of it where it says none."""
    del context, parameter
    if value is None:
        return Shard()
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"`{value}` is no part of many: the first of eight is `1/8`, the last `8/8`")
    return Shard(int(found[1]), int(found[2]))
