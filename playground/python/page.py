"""What the page in the browser asks: a spec's diagnostics, its plan, its picture. JSON in, JSON out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

HOME = os.environ.get("PLAYGROUND_HOME", "/home/pyodide")
os.environ["SPEC_COMPILER_CACHE"] = f"{HOME}/memory"
os.environ["KERAS_HOME"] = f"{HOME}/keras"  # Keras's own settings, of which there are none
os.makedirs(f"{HOME}/memory", exist_ok=True)
os.makedirs(f"{HOME}/spec", exist_ok=True)
os.chdir(f"{HOME}/spec")  # a spec's own folder, in which nothing else lies

from spec_compiler.cli.commands.check import TIERS  # noqa: E402 - they read what is set above
from spec_compiler.cli.formats import plan_as  # noqa: E402
from spec_compiler.cli.reports import diagnostic_json  # noqa: E402
from spec_compiler.compiler import checked  # noqa: E402
from spec_compiler.diagnostics import RULES, Diagnostic  # noqa: E402
from spec_compiler.diagram import to_dot  # noqa: E402
from spec_compiler.diagram.draw import FONTS  # noqa: E402
from spec_compiler.diagram.svg_text import fitted  # noqa: E402
from spec_compiler.memory.answers import Memory  # noqa: E402
from spec_compiler.memory.bases import keras_version  # noqa: E402
from spec_compiler.plan import Plan  # noqa: E402
from spec_compiler.spec import load_spec  # noqa: E402
from spec_compiler.spec.others import Tier  # noqa: E402
from spec_compiler.spec.permissions import Permissions  # noqa: E402

FILE = "spec.yaml"
STRANGER = Permissions(code=False, paths=False)  # as `--restrict-paths`, without `--allow-code`

_plan: Plan | None = None  # of the last text that was checked


def answered(question: str) -> str:
    """The answer to a question of the page, which is `check`, `dot` or `fit`."""
    asked = json.loads(question)
    answer: dict[str, Any] = {"check": _check, "dot": _dot, "fit": _fit}[asked.pop("what")](**asked)
    return json.dumps(answer)


def _check(text: str) -> dict[str, Any]:
    """As `check --static` and `plan`: the diagnostics, how far the check came, and the plan where it came to one."""
    global _plan
    _plan = None
    plans: list[Plan] = []
    memory = Memory()
    missing, tier, found = None, "fields", ()
    try:
        found_out = checked(
            _ended(text), STRANGER, static=True, file=FILE, memory=memory, look=False, told=plans.append
        )
        tier, found = found_out.tier, found_out.diagnostics
    except ModuleNotFoundError as error:  # the channels of `prune` and others are worked out in NumPy
        missing = error.name
    _plan = plans[0] if plans else None
    return {
        "tier": tier,
        "checked": TIERS[tier],
        "diagnostics": [{**diagnostic_json(each), "page": _page(each.code)} for each in found],
        "plan": plan_as(_plan, "text") if _plan is not None else None,
        "unknown": _words(text, tier, missing, memory, found) if _plan is None else None,
        "keras": keras_version(),
    }


def _page(code: str) -> str:
    """The place of a rule in the reference, on the site that has this page."""
    return f"rules/{RULES[code].family.lower().replace(' ', '-')}.html#{code.lower()}"


def _ended(text: str) -> str:
    """The text with a line break at its end: one without any would be taken for a path."""
    return text if text.endswith("\n") else f"{text}\n"


def _words(text: str, tier: Tier, missing: str | None, memory: Memory, found: Sequence[Diagnostic]) -> str | None:
    """What is to be said where there is no plan, beside the diagnostics."""
    if any(each.code == "SC501" for each in found):
        return "This page has no folder: what a spec names as a file is not there. The command looks in the spec's own."
    if any(each.severity == "error" for each in found):
        return None
    return _unknown(text, tier, missing, memory)


def _unknown(text: str, tier: Tier, missing: str | None, memory: Memory) -> str:
    """Why a spec without errors has no plan here."""
    if missing is not None:
        name = _NAMES.get(missing, missing)
        return f"A section of this spec is worked out with {name}, which this page does not have. `plan` has it."
    spec = load_spec(_ended(text), file=FILE, allowed=STRANGER)
    if memory.unknown:
        layer = memory.unknown[-1]
        return (
            f"What `{layer}` makes of what flows into it, this page does not know: it has no Keras to ask. "
            "Names and topology are checked; `plan` on your machine asks Keras once and remembers it."
        )
    bases = [*(spec.bases or {}).values(), *([spec.base] if spec.base is not None else [])]
    if any(each.application is None for each in bases):
        return (
            "This spec begins from a file or from code, which this page cannot read. Its fields and arguments are "
            "checked; `plan` on your machine reads the base."
        )
    if tier == "names":
        return (
            "At another input size Keras may build other layers, and this page has no Keras to ask. Names and "
            "topology are checked; `plan` on your machine asks Keras once and remembers it."
        )
    return (
        "This page knows the applications at their default arguments, with their top or with `include_top: false`. "
        "Of this base it knows no layers, so only fields and arguments are checked; `plan` on your machine asks Keras."
    )


_NAMES = {"numpy": "NumPy"}


def _dot(view: str, unfold: bool) -> dict[str, Any]:
    """The picture of the last plan, as DOT."""
    return {"dot": to_dot(_plan, view, unfold=unfold) if _plan is not None else None}


def _fit(svg: str) -> dict[str, Any]:
    """A picture that Graphviz drew, its texts as wide as Graphviz took them for: what `diagram.render` does."""
    return {"svg": fitted(svg.replace('font-family="Helvetica,sans-Serif"', FONTS))}
