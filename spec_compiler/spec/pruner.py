"""Which trials of a sweep end early: a rule of Optuna's, with its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from spec_compiler.diagnostics import Diagnostic, SpecError, did_you_mean, quoted, show
from spec_compiler.language.parsed import Parsed

PRUNERS = ("median", "hyperband")


@dataclass(frozen=True, slots=True)
class Pruner(Parsed):
    """Which rule of Optuna's ends a trial after an epoch that does not look good, with its arguments."""

    definition: ClassVar[str] = "pruner"
    definitions: ClassVar[Mapping[str, Any]] = {}

    name: str = "median"
    arguments: Mapping[str, int] | None = None

    @classmethod
    def _parsed(cls, raw: Any) -> Self:
        """The rule as YAML says it.

        Raises:
            SpecError: SC101, SC103.

        >>> Pruner.parse({"median": {"n_warmup_steps": 2}}).arguments
        {'n_warmup_steps': 2}
        """
        help = "for example `prune: median`, or `prune: {median: {n_warmup_steps: 2}}`"
        if isinstance(raw, str):
            raw = {raw: {}}
        if not isinstance(raw, Mapping) or len(raw) != 1:
            raise SpecError.single("SC103", f"`prune` is one of {quoted(PRUNERS)}, got {show(raw)}", help=help)
        ((name, arguments),) = raw.items()
        if name not in PRUNERS:
            near = did_you_mean(str(name), PRUNERS, f"they are {quoted(PRUNERS)}")
            raise SpecError.single("SC103", f"no pruner is called `{name}`", help=near)
        if not isinstance(arguments, Mapping | None):
            raise SpecError.single(
                "SC103", f"the arguments of `{name}` are a mapping, got {show(arguments)}", help=help
            )
        known = _OF_PRUNERS[name]
        problems = []
        for key, value in (arguments or {}).items():
            if key not in known:
                near = did_you_mean(str(key), known, f"it takes {quoted(known)}")
                problems.append(
                    Diagnostic("SC101", f"`{name}` has no argument `{key}`", (name, str(key)), at_key=True, help=near)
                )
            elif isinstance(value, bool) or not isinstance(value, int) or value < known[key]:
                message = f"`{key}` is a whole number from {known[key]} on, got {show(value)}"
                problems.append(Diagnostic("SC103", message, (name, key)))
        if problems:
            raise SpecError(problems)
        return cls(name, dict(arguments or {}))


# Optuna's own names (`MedianPruner`, `HyperbandPruner`), each with the least that it may be.
_OF_PRUNERS: Mapping[str, Mapping[str, int]] = {
    "median": {"n_startup_trials": 0, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1},
    "hyperband": {"min_resource": 1, "max_resource": 1, "reduction_factor": 2},
}
Pruner.definitions = {
    "pruner": {
        "description": "A pruner of Optuna's by name, alone or with its arguments.",
        "anyOf": [
            {"enum": list(PRUNERS)},
            *(
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": [name],
                    "properties": {
                        name: {
                            "type": ["object", "null"],
                            "additionalProperties": False,
                            "properties": {key: {"type": "integer", "minimum": least} for key, least in known.items()},
                        }
                    },
                }
                for name, known in _OF_PRUNERS.items()
            ),
        ],
    }
}
