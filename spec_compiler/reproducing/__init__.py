"""That the same comes out again: `lock_spec` says what a result depends on, `apply_plan` builds what was planned,
`verify_model` whether a file is what its spec makes."""

from spec_compiler.reproducing.applying import apply_plan
from spec_compiler.reproducing.locking_specs import lock_spec
from spec_compiler.reproducing.verifying import verify_model

__all__ = ["apply_plan", "lock_spec", "verify_model"]
