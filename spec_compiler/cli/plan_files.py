"""The plan that `plan -o plan.json` writes, which `apply` builds."""

from __future__ import annotations

import json

from spec_compiler.cli.options import SpecCall
from spec_compiler.cli.terminal import echo
from spec_compiler.diagnostics import SpecError
from spec_compiler.locking.lock_file import lock_of
from spec_compiler.locking.plan_file import applicable
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec


def applicable_text(plan: Plan, spec: Spec, call: SpecCall, output: str) -> str:
    """The plan as JSON with what it takes to build it; without that where a file of weights is not there yet."""
    said = plan.to_json()
    try:
        lock = lock_of(spec, plan, call.allowed, data=False)
    except SpecError as error:
        echo(f"{output} shows the plan, it cannot be applied: {error.diagnostics[0].message}", err=True)
    else:
        said = applicable(said, spec, lock, call.overrides, output)
    return json.dumps(said, indent=2) + "\n"
