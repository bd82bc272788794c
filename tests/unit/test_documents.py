"""What README and the other pages name is there: commands and their options, files, `make` targets, sections."""

from __future__ import annotations

import inspect
import re
from itertools import chain
from pathlib import Path

import pytest

import spec_compiler
from spec_compiler import load_spec
from spec_compiler.cli.main import COMMANDS, cli
from tests.markdown import DOCUMENTS, IN_PYTHON, PAGES, README, ROOT, blocks, fences, targets

CALL = re.compile(r"(?:spec-compiler|python -m spec_compiler) ([a-z]+)([^`\n]*)")
# Who runs a block, by its first line, or why nobody does.
RUN = {
    "$ make demo     # compiles the spec below on a real pretrained VGG16: plan, model, weight ledger, picture": (
        "what `make demo` builds is built, and proven, by README's next session; `make test` is what runs this"
    ),
    "# specs/vgg16_hed_fast_stem.yaml, less the map of weight names": (
        "tests/unit/test_documents.py::test_finding_N18_the_example_in_readme_is_the_example"
    ),
    "$ spec-compiler build specs/vgg16_hed_fast_stem.yaml -o model.keras --prove": (
        "tests/backend/test_readme.py::test_finding_N18_commands_print_what_readme_shows"
    ),
    "$ pip install '.[tensorflow]'": "`scripts/release.py` installs this extra of what `make dist` builds",
    "$ spec-compiler plan spec.yaml": "tests/project/test_pages.py::test_the_page_says_what_is_said_without_keras",
    "$ spec-compiler completion bash >> ~/.bashrc": "tests/project/test_pages.py::test_the_lines_of_the_page_complete",
    "$ podman build -t spec-compiler .": "tests/project/test_container.py::test_what_it_runs_works",
    "# .github/workflows/plans.yml": "tests/project/test_workflow_files.py::test_a_workflow_of_the_page_is_right",
    "$ spec-compiler check --static spec.yaml --format sarif > specs.sarif": (
        "tests/project/test_pages.py::test_the_commands_for_code_scanning_run"
    ),
    "# .pre-commit-config.yaml": "tests/project/test_pages.py::test_the_configuration_of_hooks_is_right",
    "$ python track_mlflow.py tracked.yaml runs/first": "tests/project/test_trackers.py::test_a_run_of_mlflow",
    "$ python track_wandb.py tracked.yaml runs/first": (
        "tests/project/test_trackers.py::test_a_run_of_weights_and_biases"
    ),
    "from spec_compiler import SpecError, check_spec, compile_spec, evaluate, load_spec, plan_spec, train_spec": (
        "tests/backend/test_readme.py::test_finding_N18_the_python_of_the_page_runs"
    ),
    "input: {preprocess: auto}  # the base's own preprocess_input, as layers": (
        "tests/unit/test_documents.py::test_finding_N18_sections_in_the_page_are_valid"
    ),
    "# a table with a picture and a number beside it, three things to tell, and what each row counts": (
        "tests/backend/test_data_kinds.py::test_the_table_of_the_page_trains"
    ),
    "sweep:": "tests/unit/test_sweep.py::test_the_page_says_what_is_so",
    **dict.fromkeys(("fit:", "compile:"), "tests/backend/test_fit_section.py::test_the_sections_of_the_page_are_right"),
    "insert: # squeeze and excitation behind every residual block of a ResNet50": (
        "tests/backend/test_readme.py::test_squeeze_and_excitation_fits_every_width"
    ),
    "# what was learned, beside the base that it was learned on": (
        "tests/backend/test_lora_files.py::test_the_blocks_of_the_page_run"
    ),
    "# birds, then fish, then the base alone": "tests/backend/test_lora_files.py::test_the_blocks_of_the_page_run",
    "# LoRA beside every convolution of one pixel": (
        "tests/backend/test_lora.py::test_the_spec_of_the_page_trains_little"
    ),
    "blocks:": "tests/unit/test_blocks.py::test_the_page_says_what_is_so",
    "vars:": "tests/unit/test_blocks.py::test_the_page_says_what_is_so",
    **dict.fromkeys(
        (
            "$ spec-compiler lock spec.yaml",
            "$ spec-compiler plan spec.yaml -o plan.json",
            "$ spec-compiler build spec.yaml -o model-a.keras",
        ),
        "tests/backend/test_locking.py::test_the_commands_of_the_page_run",
    ),
    "from spec_compiler import build_spec": "tests/backend/test_streamed.py::test_the_python_of_the_page_runs",
    "$ spec-compiler evaluate runs/x": "tests/backend/test_evaluate.py::test_the_commands_of_the_page_run",
    **dict.fromkeys(
        (
            "$ spec-compiler predict runs/x/best.keras photos/ -o found.csv --shard 1/2",
            "# the parts of `features`, in their order",
        ),
        "tests/backend/test_many_images.py::test_the_commands_of_the_page_run",
    ),
    "$ spec-compiler predict runs/x/best.keras photos/ --top 3": (
        "tests/backend/test_readme.py::test_the_commands_for_a_trained_model_run"
    ),
    **dict.fromkeys(
        (
            "$ spec-compiler export spec.yaml -o model.onnx",
            "$ spec-compiler export spec.yaml -o model.onnx --compare",
            "$ spec-compiler export runs/x -o small.tflite --quantize int8 --calibration photos/",
            "from spec_compiler import export_model, export_spec, read_card",
        ),
        "tests/backend/test_export.py::test_the_blocks_of_the_page_run",
    ),
    **dict.fromkeys(
        (
            "# a frozen encoder, one layer of the result",
            "# one encoder for two pictures",
            "# two encoders on one picture",
            "# pixels and ten numbers",
            "# an encoder on each frame of a clip",
        ),
        "tests/backend/test_models_as_layers.py::test_the_specs_of_the_page_are_right",
    ),
    "$ make try": "tests/playground/test_page.py::test_a_plan_is_the_commands",
}
RULES = ("yaml", "fields", "names", "topology", "shapes", "weights-and-files", "training")
FORMATS = ("plan", "ledger", "lock", "verification", "card", "run", "evaluation", "sweep", "check")
# Pages whose blocks are compared with what they were made of, and run there.
WRITTEN = {
    "tutorial.md": ("backend/test_written_pages.py::test_the_tutorial_says_what_comes_out",),
    "from-keras.md": (
        "backend/test_idioms.py::test_every_entry_is_run_and_none_is_lost",
        "backend/test_idioms.py::test_both_make_the_same_model",
        "backend/test_idioms.py::test_both_train_the_same",
        "backend/test_idioms.py::test_both_export_the_same",
    ),
    **dict.fromkeys(("index.md", "security.md"), ("backend/test_pages_run.py::test_a_page_runs_from_top_to_bottom",)),
    **dict.fromkeys(
        [f"rules/{each}.md" for each in RULES],
        (
            "unit/test_schema.py::test_the_generated_files_are_fresh",
            "backend/test_rules.py::test_the_examples_are_true",
        ),
    ),
    **dict.fromkeys(
        [f"commands/{each}.md" for each in ("write", "change", "train")],
        (
            "unit/test_commands_reference.py::test_the_pages_are_fresh",
            "backend/test_command_examples.py::test_an_example_runs",
        ),
    ),
    **dict.fromkeys(
        [f"formats/{each}.md" for each in FORMATS],
        (
            "unit/test_formats_reference.py::test_the_pages_are_fresh",
            "unit/test_formats_reference.py::test_the_example_is_as_the_schema_says",
        ),
    ),
    **dict.fromkeys(
        ("language.md", *(f"language/{each}.md" for each in ("base", "edits", "training", "forms"))),
        (
            "unit/test_schema.py::test_the_generated_files_are_fresh",
            "unit/test_reference.py::test_every_example_of_a_section_parses",
        ),
    ),
    **dict.fromkeys(
        (f"python/{each}.md" for each in ("specs", "reproducing", "training", "exporting")),
        (
            "unit/test_python_reference.py::test_the_pages_are_fresh",
            "backend/test_python_examples.py::test_an_example_gives_what_it_says",
        ),
    ),
    "how-to.md": (
        "unit/test_how_to.py::test_an_answer_is_its_spec",
        "unit/test_how_to.py::test_every_spec_of_the_gallery_is_an_answer_and_compared_with_keras",
    ),
    "gallery.md": (
        "unit/test_gallery.py::test_the_gallery_has_the_spec_as_it_is",
        "backend/test_examples.py::test_an_example_plans_and_compiles",
    ),
}
MADE = ("model.ledger.json",)  # by commands that the pages show


def options(command: str) -> set[str]:
    found = cli.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None, command
    return {"--help", *(name for each in found.params for name in (*each.opts, *each.secondary_opts))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_finding_N18_commands_and_options_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for command, rest in CALL.findall(text):
        assert command in COMMANDS
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest):
            assert option in options(command), f"{command} {option}"
    every = set().union(*(options(command) for command in COMMANDS))
    for option in re.findall(r"`(--[a-z][a-z-]*)", text):
        assert option in every | {"--update-golden", "--check"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_finding_N18_files_and_targets_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r'\]\((?!http)([^)#]+)\)|src="([^"]+)"', text):
        assert (document.parent / (link[0] or link[1])).exists(), link
    for path in re.findall(r"`((?:specs|tests|scripts|docs|spec_compiler|schemas|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    assert set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.M)) <= targets()


def test_finding_N18_the_example_in_readme_is_the_example() -> None:
    shown = load_spec(blocks(README, "yaml")[0].replace("{…}", "{block1_conv1: block1}"))
    real = load_spec(ROOT / "specs" / "vgg16_hed_fast_stem.yaml")
    assert shown.name == real.name
    assert (shown.replace, shown.freeze) == (real.replace, real.freeze)
    assert shown.base is not None
    assert real.base is not None
    assert shown.base.model_copy(update={"weights": None}) == real.base.model_copy(update={"weights": None})


def test_finding_N18_sections_in_the_page_are_valid() -> None:
    (text,) = [block for block in blocks(ROOT / "docs" / "training.md", "yaml") if "train:" in block]
    base = "base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}\n"
    spec = load_spec(f"spec: 1\n{base}{text}")
    assert spec.train[1].phase == "fine_tune"
    assert spec.expect is not None
    assert list(spec.expect.metrics) == ["val_accuracy"]


def test_every_code_block_is_run() -> None:
    written = {ROOT / "docs" / name for name in WRITTEN}
    blocks_of = {page: fences(page) for page in PAGES if page not in written}
    forgotten = [
        f"{page.relative_to(ROOT)}:{number}: nobody runs this {language or 'code'} block"
        for page, found in blocks_of.items()
        for number, language, first in found
        if first not in RUN
    ]
    assert forgotten == []
    assert {first for found in blocks_of.values() for _, _, first in found} == set(RUN), "some block is gone"


def test_who_runs_a_code_block_is_there() -> None:
    assert all((ROOT / "docs" / name).exists() for name in WRITTEN)
    named = [*(each for each in RUN.values() if "::" in each), *(f"tests/{each}" for each in chain(*WRITTEN.values()))]
    for each in named:
        file, name = each.split("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), each


def test_every_public_function_has_an_example() -> None:
    (code,) = blocks(IN_PYTHON, "python")
    for name in spec_compiler.__all__:
        public = getattr(spec_compiler, name)
        if inspect.isfunction(public):
            assert f"{name}(" in code or f">>> {name}(" in (public.__doc__ or ""), name
