"""An example of each public function; a test runs them where there are `spec.yaml`, `train.yaml` and `search.yaml`.

What stands behind `#` on the line of an expression is what it gives.
"""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "check_spec": """\
from spec_compiler import check_spec

check_spec("spec.yaml")  # ()
for problem in check_spec({"spec": 1, "base": {"application": "VGG61"}}):
    print(problem)  # as the command line says it, with the fix
""",
    "load_spec": """\
from spec_compiler import load_spec

spec = load_spec("spec.yaml", overrides=["name=birds"])
spec.name  # 'birds'
""",
    "plan_spec": """\
from spec_compiler import plan_spec

plan = plan_spec("spec.yaml")
plan.count("new")  # 2
[change.name for change in plan.changes if change.action == "new"]  # ['pool', 'scores']
plan.after.num_parameters  # 122
""",
    "compile_spec": """\
from spec_compiler import compile_spec

compiled = compile_spec("spec.yaml", prove=True)
compiled.model.output_shape  # (None, 2)
len(compiled.weights.of("copied"))  # 2
""",
    "build_spec": """\
from spec_compiler import build_spec

built = build_spec("spec.yaml", "model.keras")
built.plan.name  # 'birds_or_cats'
""",
    "lock_spec": """\
from pathlib import Path

from spec_compiler import compile_spec, lock_spec

Path("spec.lock").write_text(lock_spec("spec.yaml").to_text())
compiled = compile_spec("spec.yaml", locked=True)  # a SpecError where anything differs by now
""",
    "apply_plan": """\
from spec_compiler import apply_plan

apply_plan("plan.json").plan.name  # 'birds_or_cats'
""",
    "verify_model": """\
from spec_compiler import verify_model

verification = verify_model("model.keras", "spec.yaml")
verification.is_as_specified  # True
verification.counts  # {'kept': 2, 'new': 2}
""",
    "train_spec": """\
from spec_compiler import train_spec

trained = train_spec("train.yaml", "runs/first")
len(trained.history.rows)  # 1
trained.evaluation.num_samples  # 4
""",
    "sweep": """\
from spec_compiler import sweep

swept = sweep("search.yaml", "runs/search")
len(swept.trials)  # 2
swept.best_spec is not None  # True
""",
    "evaluate": """\
from spec_compiler import evaluate

report = evaluate("runs/first")
report.num_samples  # 4
report.metrics["accuracy"] <= 1  # True
""",
    "save_adapters": """\
import keras

from spec_compiler import compile_spec, save_adapters

base = keras.saving.load_model("base.keras")
lora = {"layers": "type:Conv2D", "rank": 2}
model = compile_spec({"spec": 1, "lora": lora}, base=base).model
save_adapters(model, "birds.npz")  # and what else trained
""",
    "load_adapters": """\
from spec_compiler import load_adapters

load_adapters(model, "birds.npz")
load_adapters(model, None)  # the base's function again
""",
    "merge_adapters": """\
from spec_compiler import merge_adapters

merge_adapters(model).count_params()  # 122
""",
    "export_spec": """\
from spec_compiler import export_spec

exported = export_spec("spec.yaml", "model.onnx")
exported.outputs[0].holds  # True
""",
    "export_model": """\
from spec_compiler import export_model

export_model("model.keras", "saved_model/").format.name  # 'SavedModel'
""",
    "read_card": """\
from spec_compiler import read_card

read_card("model.onnx").inputs[0].shape  # (None, 32, 32, 3)
""",
}
