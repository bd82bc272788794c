"""A thread swaps what a name leads to, between inside of the spec's folder and outside of it, while it is read."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spec_compiler import SpecError, compile_spec, plan_spec
from spec_compiler.backend.images import ImageReader
from spec_compiler.files import Folder
from spec_compiler.files.vocabulary import read_vocabulary
from spec_compiler.training.folder import read_folder
from tests.backend.hostile_places import picture, width

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")


@contextlib.contextmanager
def swapping(path: Path, one: str, other: str) -> Iterator[None]:
    """A link that leads to the one and to the other, thousands of times a second, replaced in one step each time."""
    over = threading.Event()

    def swap() -> None:
        count = 0
        while not over.is_set():
            count += 1
            fresh = path.with_name(f"{path.name}.fresh")
            fresh.symlink_to((one, other)[count % 2])
            os.replace(fresh, path)

    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.symlink_to(one)
    thread = threading.Thread(target=swap, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def outcomes(attempt: Callable[[], Any], seconds: float) -> list[Any]:
    """What came of trying again and again: results, and the codes of refusals."""
    found: list[Any] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(found) < 5:
        try:
            found.append(attempt())
        except SpecError as error:
            found.append(error.diagnostics[0].code)
        except OSError as error:
            found.append(type(error).__name__)
    return found


@pytest.mark.parametrize(
    "file",
    [
        "model.keras",
        pytest.param("model.h5", marks=pytest.mark.slow),
        pytest.param("model.weights.h5", marks=pytest.mark.slow),
    ],
)
def test_a_race_for_a_model(file: str, places: tuple[Path, Path]) -> None:
    """Whatever a link leads to when it is judged, the weights are never those from outside."""
    project, outside = places
    name = f"link{file.removeprefix('model')}"
    base = f"{{file: model.keras, weights: {name}}}" if "weights" in file else f"{{file: {name}}}"
    (project / "spec.yaml").write_text(f"spec: 1\nbase: {base}\n", encoding="utf-8")

    def attempt() -> float:
        return float(compile_spec("spec.yaml", restrict_paths=True).model.get_weights()[0][0, 0])

    with swapping(project / name, file, str(outside / file)):
        found = outcomes(attempt, 4)
    assert 2.0 not in found
    assert {each for each in found if isinstance(each, str)} <= {"SC510", "SC501"}
    assert len(found) >= 5


def test_a_race_for_a_spec(places: tuple[Path, Path]) -> None:
    project, outside = places
    (project / "spec.yaml").write_text("spec: 1\nbase: {spec: link.yaml}\n", encoding="utf-8")

    def attempt() -> Any:
        return width(plan_spec("spec.yaml", restrict_paths=True))

    with swapping(project / "link.yaml", "other.yaml", str(outside / "other.yaml")):
        found = outcomes(attempt, 3)
    assert 2 not in found
    assert 1 in found or len(found) < 20


def test_a_race_for_a_vocabulary(places: tuple[Path, Path]) -> None:
    project, outside = places
    folder = Folder(str(project), root=str(project))
    with swapping(project / "link.txt", "words.txt", str(outside / "words.txt")):
        found = outcomes(lambda: tuple(read_vocabulary("link.txt", folder)), 1.5)
    assert set(found) <= {("red", "green"), "SC510", "SC501"}
    assert len(found) > 100


def test_a_race_for_an_image(places: tuple[Path, Path]) -> None:
    project, outside = places
    reader = ImageReader((8, 8), folder=Folder(str(project), root=str(project)))
    inside = "0.png"
    with swapping(project / "pictures/cat/9.png", inside, str(outside / "pictures/cat/0.png")):
        found = outcomes(lambda: float(reader.read(str(project / "pictures/cat/9.png")).max()), 1.5)
    assert 255.0 not in found
    assert len(found) > 100


def test_a_race_for_a_folder_of_images(places: tuple[Path, Path]) -> None:
    """The class folder itself is swapped, also between the listing and the reading."""
    project, outside = places
    os.rename(project / "pictures/cat", project / "cat")
    for number in range(3):
        picture(outside / "pictures/cat" / f"secret{number}.png", 255)
    folder = Folder(str(project), root=str(project))
    reader = ImageReader((8, 8), folder=folder)

    def attempt() -> float:
        found = read_folder("pictures", folder)
        assert not any("secret" in each for each in found.files)
        return float(np.max(reader.read_all(list(found.files))))

    with swapping(project / "pictures/cat", "../cat", str(outside / "pictures/cat")):
        found = outcomes(attempt, 3)
    assert 255.0 not in found
    assert {each for each in found if isinstance(each, str)} <= {"SC510", "SC603", "SC602"}
