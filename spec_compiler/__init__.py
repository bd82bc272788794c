"""spec_compiler: a declarative model-spec compiler for Keras, `terraform plan` for neural networks.

Importing it imports neither Keras nor TensorFlow; the functions do, when they need it.
"""

from spec_compiler.compiler import CompiledSpec, check_spec, compile_spec, plan_spec
from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.ledger import WeightLedger
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec, load_spec

__all__ = [
    "CompiledSpec",
    "Diagnostic",
    "Plan",
    "Spec",
    "SpecError",
    "WeightLedger",
    "check_spec",
    "compile_spec",
    "load_spec",
    "plan_spec",
]
