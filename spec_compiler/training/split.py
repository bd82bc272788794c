"""Which samples are held back, where a share of them is: chosen by the seed alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from spec_compiler.diagnostics import SpecError
from spec_compiler.training.samples import Array, Samples


def split_rows(samples: Samples, shares: Mapping[str, float], seed: int) -> dict[str, Array]:
    """The positions of the samples to train on, and of those that each part holds back.

    Of each class its share, where the samples have one label; of all samples otherwise.

    Raises:
        SpecError: SC602 for fewer samples than parts, paths relative to `data`.
    """
    strata = samples.strata
    if len(strata) == 1:
        labels = strata[0].values
        groups = {name: np.flatnonzero(labels == label).tolist() for label, name in enumerate(strata[0].class_names)}
        groups = {name: rows for name, rows in groups.items() if rows}
        return split_groups(groups, shares, seed, "the class `{}` has")
    return split_groups({"": list(range(len(samples)))}, shares, seed, "the data has")


def split_groups(
    groups: Mapping[str, Sequence[int]], shares: Mapping[str, float], seed: int, has: str, one: str = "row"
) -> dict[str, Array]:
    """For each part positions of every group, at least one, chosen by the seed.

    The validation takes them from one end, the test from the other, so that neither share moves what the other holds.

    Raises:
        SpecError: SC602 for a group with fewer samples than parts, paths relative to `data`.
    """
    parts: dict[str, list[int]] = {"train": [], **{key: [] for key in shares}}
    for name, members in groups.items():
        count, rest = len(members), list(members)
        if count <= len(shares):
            what = "cannot train, validate and test"
            if len(shares) == 1:
                what = "cannot both train and " + ("test" if "test" in shares else "validate")
            key = [*shares][-1]
            number = f"one {one}" if count == 1 else f"{count} {one}s"
            help = f"add {one}s, or give `{key}` a {'folder' if one == 'image' else 'table'} of its own"
            raise SpecError.single("SC602", f"{has.format(name)} {number}, which {what}", path=(key,), help=help)
        if shares:
            # by the group's own name: a class that is added leaves the split of the others as it was
            random.Random(f"{seed}/validation/{name}").shuffle(rest)  # noqa: S311 - a split that can be repeated
        left = count - len(shares) - 1  # beyond the one of each part: none is without the class
        for key, share in shares.items():
            more = min(max(0, round(share * count) - 1), left)
            left -= more
            at = slice(0, more + 1) if key == "validation" else slice(-more - 1, None)
            parts[key] += sorted(rest[at])
            del rest[at]
        parts["train"] += sorted(rest)
    return {key: np.asarray(sorted(rows), "int64") for key, rows in parts.items()}
