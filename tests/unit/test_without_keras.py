"""The base install, without Keras: what needs none works, what needs one says in its place what to install."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spec_compiler.cli.main import COMMANDS
from tests.bare import Bare, project

pytestmark = pytest.mark.thorough
SPEC = """spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [64, 64, 3]}
cut_at: block3_pool
"""
# Each command that needs Keras, called so that nothing else is missing.
NEEDING = {
    "check": "check spec.yaml",
    "plan": "plan spec.yaml",
    "build": "build spec.yaml -o built.keras",
    "lock": "lock spec.yaml",
    "verify": "verify model.keras spec.yaml",
    "diagram": "diagram spec.yaml -o model.svg",
    "diff": "diff VGG16 VGG19",
    "layers": "layers VGG16",
    "init": "init VGG16",
    "predict": "predict model.keras photos",
    "features": "features model.keras photos -o features.npz",
    "export": "export model.keras -o saved/",
}
# What else these need is asked for first, and said in the same way: Pillow, Optuna, a plan that is not there.
ELSEWHERE = {"apply", "train", "sweep", "evaluate"}
WORKING = {
    "check": ("check --static spec.yaml", "1 spec checked (statically: fields and arguments): no errors"),
    "explain": ("explain SC402", "SC402: "),
    "schema": ("schema", '"title": "Model spec"'),
    "bases": ("bases", "EfficientNetV2L"),
    "completion": ("completion zsh", "#compdef spec-compiler"),
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    return Bare(tmp_path_factory.mktemp("bare"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "model.keras").write_bytes(b"none")  # looked at with Keras alone
    (tmp_path / "photos").mkdir()
    return tmp_path


def test_the_base_install_is_small(bare: Bare) -> None:
    assert not {"keras", "tensorflow", "jax", "torch"} & {name.lower() for name in bare.distributions}
    assert len(bare.distributions) < 30


def test_every_command_is_tried() -> None:
    assert NEEDING.keys() | ELSEWHERE | WORKING.keys() == set(COMMANDS)


def test_what_needs_no_keras_works(bare: Bare, folder: Path) -> None:
    for done, (_, says) in zip(
        bare.session(*(call for call, _ in WORKING.values()), cwd=folder, SPEC_COMPILER_CACHE="off"),
        WORKING.values(),
        strict=True,
    ):
        assert done.returncode == 0, done
        assert says in done.stdout
        assert done.stderr == ""


def test_what_needs_keras_says_what_to_install(bare: Bare, folder: Path) -> None:
    before = sorted(folder.iterdir())
    for done in bare.session(*NEEDING.values(), cwd=folder, SPEC_COMPILER_CACHE="off"):
        said = done.stdout + done.stderr
        assert done.returncode == 2, done
        assert said.startswith("error[SC522]: this needs Keras, which is not installed\n"), done
        assert "pip install 'spec-compiler[tensorflow]'" in said
    assert sorted(folder.iterdir()) == before


def test_what_is_wrong_with_a_spec_is_said_without_keras(bare: Bare, folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("cut_at", "cut_of"))
    done = bare.run("check", "spec.yaml", cwd=folder)
    assert done.returncode == 1
    assert "did you mean `cut_at`?" in done.stdout
    assert "SC522" not in done.stdout


def test_python_raises_it(bare: Bare, folder: Path) -> None:
    code = "import spec_compiler as s\ntry: s.compile_spec('spec.yaml')\n"
    code += "except s.SpecError as e: print(e.diagnostics[0].code)"
    assert bare.python("-c", code, cwd=folder).stdout == "SC522\n"


def test_the_named_extras_are_there() -> None:
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    page = Path(__file__).parents[2] / "spec_compiler" / "diagnostics" / "rules" / "SC522.md"
    text = " ".join(page.read_text(encoding="utf-8").split())
    named = re.findall(r"'spec-compiler\[(\w+)\]'|`\[(\w+)\]`", text)
    assert {each for pair in named for each in pair if each} == {"tensorflow", "jax", "torch"} <= extras.keys()
    for name in ("tensorflow", "jax", "torch"):
        assert {re.split(r"[>=]", each)[0] for each in extras[name]} == {"keras", name}
