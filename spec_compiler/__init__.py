"""spec_compiler: a declarative model-spec compiler for Keras, `terraform plan` for neural networks.

Importing it imports neither Keras nor TensorFlow; the functions do, when they need it. The names below are looked up
when they are first used (PEP 562), so that the command line can choose how its modules are loaded.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spec_compiler.building.built_file import BuiltFile
    from spec_compiler.building.model_file import build_spec
    from spec_compiler.compiler import check_spec, compile_spec, plan_spec
    from spec_compiler.diagnostics import Diagnostic, SpecError
    from spec_compiler.evaluation import Evaluation, evaluate
    from spec_compiler.exporter.export import export_model, export_spec
    from spec_compiler.exporting.card import Card, read_card
    from spec_compiler.exporting.comparison import Exported
    from spec_compiler.learned.adapters import load_adapters, merge_adapters, save_adapters
    from spec_compiler.locking.lock_file import Lock
    from spec_compiler.plan import Plan
    from spec_compiler.plan.ledger import WeightLedger
    from spec_compiler.reproducing.applying import apply_plan
    from spec_compiler.reproducing.locking_specs import lock_spec
    from spec_compiler.reproducing.verification import Verification
    from spec_compiler.reproducing.verifying import verify_model
    from spec_compiler.result import CompiledSpec, TrainedSpec
    from spec_compiler.search.sweeping import sweep
    from spec_compiler.search.swept_spec import SweptSpec
    from spec_compiler.spec import Spec, load_spec
    from spec_compiler.trainer import train_spec

__all__ = [
    "BuiltFile",
    "Card",
    "CompiledSpec",
    "Diagnostic",
    "Evaluation",
    "Exported",
    "Lock",
    "Plan",
    "Spec",
    "SpecError",
    "SweptSpec",
    "TrainedSpec",
    "Verification",
    "WeightLedger",
    "apply_plan",
    "build_spec",
    "check_spec",
    "compile_spec",
    "evaluate",
    "export_model",
    "export_spec",
    "load_adapters",
    "load_spec",
    "lock_spec",
    "merge_adapters",
    "plan_spec",
    "read_card",
    "save_adapters",
    "sweep",
    "train_spec",
    "verify_model",
]

_MODULES = {
    "building.built_file": ("BuiltFile",),
    "building.model_file": ("build_spec",),
    "compiler": ("check_spec", "compile_spec", "plan_spec"),
    "diagnostics": ("Diagnostic", "SpecError"),
    "evaluation": ("Evaluation", "evaluate"),
    "exporter.export": ("export_model", "export_spec"),
    "exporting.card": ("Card", "read_card"),
    "exporting.comparison": ("Exported",),
    "learned.adapters": ("load_adapters", "merge_adapters", "save_adapters"),
    "locking.lock_file": ("Lock",),
    "plan.ledger": ("WeightLedger",),
    "plan": ("Plan",),
    "reproducing.applying": ("apply_plan",),
    "reproducing.locking_specs": ("lock_spec",),
    "reproducing.verification": ("Verification",),
    "reproducing.verifying": ("verify_model",),
    "result": ("CompiledSpec", "TrainedSpec"),
    "search.sweeping": ("sweep",),
    "search.swept_spec": ("SweptSpec",),
    "spec": ("Spec", "load_spec"),
    "trainer": ("train_spec",),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("spec-compiler")
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"spec_compiler.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
