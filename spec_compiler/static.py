"""What can be said of a spec without Keras: by its text, and by what Keras said before of its base and its calls."""

from __future__ import annotations

from typing import Literal, NamedTuple

from spec_compiler.base import Base
from spec_compiler.cache import Key
from spec_compiler.diagnostics import Diagnostic, Path, SpecError
from spec_compiler.editing import apply_edits, opened_for, size_of
from spec_compiler.files import Folder
from spec_compiler.known_bases import base_key, is_refused, known_graph, recall_graph, resized_key, result_key
from spec_compiler.known_calls import inferred
from spec_compiler.other_specs import Inside, followed, inside
from spec_compiler.permissions import Permissions
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec
from spec_compiler.training.check import check_sections, check_training, planned_phases
from spec_compiler.warnings import lint

Tier = Literal["fields", "names", "shapes", "files"]
"""How far a check went; each step has those before it.

`fields`: YAML, sections, values, layers' arguments. `names`: what every name in the spec means, and the graph that the
edits make. `shapes`: that every layer fits. `files`: that the weights are there and fit.
"""


def static_plan(spec: Spec, allowed: Permissions, around: Inside | None = None) -> tuple[Tier, Plan | None]:
    """How far a spec can be followed without Keras, and its plan where that is all the way to the shapes.

    `around` are the spec files that are being followed around it, and its own.

    Raises:
        SpecError: the first section that does not fit; located.
    """
    around = inside(spec) if around is None else around
    with spec.source.locating():
        known = known_graph(spec, lambda base, path: _key(base, path, spec.source.folder, allowed, around))
        if known is None:
            check_sections(spec)
            return "fields", None
        graph, key = known
        before, size = opened_for(spec, graph), size_of(spec)
        resized = recall_graph(resized_key(key, size)) if size is not None else None
        after = inferred(apply_edits(spec, before, resized), before, key)
        unasked = size is not None and resized is None and not is_refused(resized_key(key, size))
        if after is None or unasked:  # at another size Keras may choose other arguments, the names are the same
            check_sections(spec)
            return "names", None
        check_training(spec, after)
        return "shapes", Plan(after.name, before, after, planned_phases(spec, after))


def _key(base: Base, path: Path, folder: Folder, allowed: Permissions, around: Inside) -> Key | None:
    """What the graph of a base depends on; of another spec's result, that spec is followed first."""
    try:
        if base.spec is None:
            return base_key(base, folder)
        try:
            file = folder.find(base.spec, "spec file")
        except SpecError as error:
            raise error.under("spec") from None
        known = followed(file, folder, allowed, around, lambda other, around: _followed(other, allowed, around))
    except SpecError as error:
        raise error.under(*path) from None
    return known.key


class _Followed(NamedTuple):
    spec: Spec
    plan: Plan | None
    key: Key | None


def _followed(spec: Spec, allowed: Permissions, around: Inside) -> _Followed:
    _, plan = static_plan(spec, allowed, around)
    return _Followed(spec, plan, result_key(plan.after) if plan is not None else None)


def inner_warnings(around: Inside) -> tuple[Diagnostic, ...]:
    """The warnings of the specs that were followed, each in its own file."""
    return tuple(
        each.spec.source.locate(found) for each in around.results(_Followed) for found in lint(each.spec, each.plan)
    )
