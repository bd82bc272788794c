"""Pages that are run from top to bottom, as a reader would: files are written, commands typed, Python called.

A block that begins with `# NAME.yaml` or `# NAME.py` is that file. A command's output is compared where the page shows
it; `…` in it stands for anything. `photos` has images of two classes, MobileNetV2 for 96 pixels weights to download.
"""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import keras
import pytest
from keras.src.legacy.saving import legacy_h5_format

from tests.backend import sessions
from tests.backend.conftest import randomized
from tests.backend.pictures import write_pictures
from tests.markdown import ROOT, all_blocks

PAGES = ("docs/index.md", "docs/security.md")
SERVED = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_pictures(folder / "photos", names=("cat", "dog"), each=4, size=32)
    body = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3))
    with h5py.File(folder / SERVED, "w") as store:
        legacy_h5_format.save_weights_to_hdf5_group(store, randomized(body))
    return folder


@pytest.mark.parametrize("name", [PAGES[0], *(pytest.param(each, marks=pytest.mark.slow) for each in PAGES[1:])])
def test_a_page_runs_from_top_to_bottom(
    name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sessions.copied(project, tmp_path))
    known: dict[str, object] = {}
    with sessions.offline(tmp_path):
        (tmp_path / SERVED).rename(tmp_path / "served" / SERVED)
        for language, text in all_blocks(ROOT / name):
            file = re.match(r"# ([\w./-]+\.(?:yaml|py))\b", text)
            if file:
                (tmp_path / file[1]).write_text(text, encoding="utf-8")
            elif language == "console":
                for command, shown in typed(text):
                    said = sessions.run([command], tmp_path)
                    assert said.status == ("error[" in shown), said.output
                    assert not shown or matches(said.output, shown), said.output
            elif language == "python":
                exec(text, known)
            else:
                raise AssertionError(f"nobody runs this block: {text}")


def typed(text: str) -> list[tuple[str, str]]:
    """The commands of a session, each with what the page shows of its output."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def matches(output: str, shown: str) -> bool:
    """Whether an output is what a page shows, whose lines may be wrapped elsewhere."""
    pattern = ".*".join(re.escape(part) for part in " ".join(shown.split()).split("…"))
    return re.fullmatch(pattern, " ".join(output.split())) is not None
