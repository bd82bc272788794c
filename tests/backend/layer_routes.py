"""The ways from a model to its copy, each compared with plain Keras bit for bit."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras

from spec_compiler import SpecError, build_spec, compile_spec
from tests.backend.conftest import Array, assert_same_bits
from tests.backend.layer_classes import Made, double

Make = Callable[[int], Made]

EQUAL = "equal"
_LIKE = ", as in Keras"  # which refuses it too
_UNLIKE = ", not in Keras"  # equal to what was saved


class Case(NamedTuple):
    """How models alike are made, from a seed, and the first of them."""

    make: Make
    made: Made

    @classmethod
    def of(cls, make: Make) -> Case:
        """The case of a maker."""
        return cls(make, make(1))

    @property
    def keeps_nothing(self) -> bool:
        """Whether its layers have neither variables nor anything that `adapt` gives them."""
        return not any(part.variables or hasattr(part, "adapt") for part in self.made.model._flatten_layers())


class Outcome(NamedTuple):
    """`equal`, or the code of the refusal and what it says."""

    verdict: str
    reason: str = ""


def by_memory(case: Case, folder: Path) -> Outcome:
    """The model passed in memory: an empty spec, and a layer inserted in front of the layer in question."""
    made = case.made

    def compare() -> None:
        _same_function(made, made.model, compile_spec({"spec": 1}, base=made.model).model)
        _same_function(made, made.model, compile_spec({"spec": 1, "insert": [_in_front(made)]}, base=made.model).model)

    return _outcome(compare)


def by_result(case: Case, folder: Path) -> Outcome:
    """The result of the empty spec, saved and loaded by Keras, beside the model itself, saved and loaded by Keras."""
    made = case.made
    ours, wanted = folder / "result.keras", folder / "model.keras"
    made.model.save(wanted)

    def compare() -> None:
        compile_spec({"spec": 1}, base=made.model).model.save(ours)
        _same_function(made, _loaded(wanted), _loaded(ours), lambda: _loaded(wanted))

    try:
        _loaded(wanted)
    except Exception as error:
        return Outcome("not loaded by Keras", _first_line(error))
    return _outcome(compare)


def by_archive(case: Case, folder: Path) -> Outcome:
    """The model saved as `.keras`."""
    made, path = case.made, folder / "model.keras"
    made.model.save(path)
    return _from_file(made, made.model, {"file": str(path)}, lambda: _loaded(path))


def by_weights(case: Case, folder: Path) -> Outcome:
    """The model saved as `.keras`, and the weights of a twin, which knows other things, as `.weights.h5`."""
    made, twin = case.made, case.make(2).model
    path, weights = folder / "model.keras", folder / "twin.weights.h5"
    made.model.save(path)
    with _as_keras_does():
        twin.save_weights(weights)

    def load() -> Any:
        model = _loaded(path)
        model.load_weights(weights)
        return model

    return _from_file(made, twin, {"file": str(path), "weights": str(weights)}, load)


def by_legacy(case: Case, folder: Path) -> Outcome:
    """The model saved as legacy `.h5`."""
    made, path = case.made, folder / "model.h5"
    try:
        with _as_keras_does():
            made.model.save(path)
    except Exception as error:
        return Outcome("not saved by Keras", _first_line(error))
    return _from_file(made, made.model, {"file": str(path)}, lambda: _loaded(path))


def by_building(case: Case, folder: Path) -> Outcome:
    """The model saved as `.keras`, built into another file and loaded from there, beside what Keras loads and saves."""
    made, path, built, again = case.made, folder / "model.keras", folder / "built.keras", folder / "again.keras"
    made.model.save(path)
    try:
        _loaded(path).save(again)
        _loaded(again)
    except Exception as error:
        return Outcome("not loaded by Keras", _first_line(error))

    def compare() -> None:
        build_spec({"spec": 1, "base": {"file": str(path)}}, built)
        _same_function(made, _loaded(again), _loaded(built), lambda: _loaded(again))

    return _outcome(compare)


ROUTES: dict[str, Callable[[Case, Path], Outcome]] = {
    "memory": by_memory,
    "its result saved": by_result,
    "`.keras`": by_archive,
    "`.weights.h5`": by_weights,
    "legacy `.h5`": by_legacy,
    "`build`": by_building,
}
QUICK = ("memory", "`build`")  # what the suite without the slow tests runs


def outcomes(case: Case, routes: Iterable[str], folder: Path) -> dict[str, Outcome]:
    """What comes of a model on some of the routes.

    Raises:
        AssertionError: a copy is another function, and nothing was said.
    """
    found = {}
    for route in routes:
        place = folder / re.sub(r"\W", "", route)
        place.mkdir()
        found[route] = ROUTES[route](case, place)
    return found


def _from_file(made: Made, saved: Any, base: dict[str, str], load: Callable[[], Any]) -> Outcome:
    """Compares our model from files with Keras's own, with the one saved where Keras cannot load or loses something."""
    try:
        with _as_keras_does():
            wanted = load()
            made.outputs(load())
    except Exception as error:
        outcome = _outcome(lambda: _same_inference(made, saved, _compiled(made, base)))
        return Outcome(
            f"{outcome.verdict}{_UNLIKE if outcome.verdict == EQUAL else _LIKE}", outcome.reason or _first_line(error)
        )
    try:
        return _outcome(lambda: _same_function(made, wanted, _compiled(made, base), load))
    except AssertionError:
        _same_inference(made, saved, _compiled(made, base))
        return Outcome(f"{EQUAL}{_UNLIKE}", "Keras's own loading makes another function than was saved")


def _compiled(made: Made, base: dict[str, str]) -> Any:
    return compile_spec({"spec": 1, "base": base}, allow_code=made.allow_code).model


def _outcome(compare: Callable[[], None]) -> Outcome:
    try:
        compare()
    except SpecError as error:
        (found, *_) = error.diagnostics
        return Outcome(found.code, re.sub(r" at 0x\w+", "", "; ".join([found.message, *found.notes])))
    return Outcome(EQUAL)


def _same_function(made: Made, wanted: Any, found: Any, again: Callable[[], Any] | None = None) -> None:
    """Asserts that two models put out the same bits, in training too.

    With `again`, which makes the first once more: in training only where Keras agrees with itself, as the seeds of some
    generators are in no file.
    """
    assert_same_bits(made.outputs(wanted), made.outputs(found))
    if again is not None:
        first, second = again(), again()
        made.outputs(first), made.outputs(second)
        if not _agree(made.outputs(first, training=True), made.outputs(second, training=True)):
            return
    assert_same_bits(made.outputs(wanted, training=True), made.outputs(found, training=True))
    assert_same_bits(made.outputs(wanted), made.outputs(found))


def _same_inference(made: Made, wanted: Any, found: Any) -> None:
    assert_same_bits(made.outputs(wanted), made.outputs(found))


def _agree(left: list[Array], right: list[Array]) -> bool:
    return [each.tobytes() for each in left] == [each.tobytes() for each in right]


def _in_front(made: Made) -> dict[str, Any]:
    place = {"before": made.target} if len(made.data) == 1 else {"after": "input_0"}
    return {**place, "with": [{"Identity": {"name": "extra"}}]}


def _loaded(path: Path) -> Any:
    with _as_keras_does():
        return keras.models.load_model(path, compile=False, safe_mode=False, custom_objects={"double": double})


@contextlib.contextmanager
def _as_keras_does() -> Iterator[None]:
    """What Keras warns of is not in question."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first_line(error: Exception) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().split("\n")[0]
