"""A layer of every class is kept with all that it knows, or refused with a reason; the table of it is fresh."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest

from spec_compiler.keras_facts.catalogue import catalogue
from tests.backend.layer_classes import NOT_MADE, class_names, made_of
from tests.backend.layer_routes import QUICK, ROUTES, Case, outcomes
from tests.backend.layer_table import makers, verdicts

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="lookups and texts are TensorFlow's"),
    pytest.mark.skipif(
        catalogue()["keras"].split(".")[:2] != keras.__version__.split(".")[:2],
        reason=f"the committed catalogue is of Keras {catalogue()['keras']}",
    ),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # Keras's, about what is tried here on purpose
]


# Forms of classes that are slow to make: all forms are tried on every way among the long tests.
FURTHER = re.compile("stateful|of two|dropouts|nested Functional")


def test_every_class_is_made_or_listed() -> None:
    """Of a class that Keras adds a model is made by itself; where it cannot be, it must be listed with a reason."""
    assert set(NOT_MADE) <= set(class_names())
    for name in NOT_MADE:
        with pytest.raises(LookupError):
            made_of(name, 1)
    assert [*verdicts()] == [*makers()]  # else run `make layer-classes`


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if FURTHER.search(each) else ()) for each in makers()]
)
def test_a_layer_is_kept_with_all_that_it_knows(name: str, tmp_path: Path) -> None:
    case = Case.of(makers()[name])
    routes = QUICK[:1] if case.keeps_nothing else QUICK
    found = outcomes(case, routes, tmp_path)
    assert {route: each.verdict for route, each in found.items()} == {
        route: verdicts()[name][route] for route in routes
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", makers())
def test_a_layer_is_kept_on_every_way(name: str, tmp_path: Path) -> None:
    found = outcomes(Case.of(makers()[name]), ROUTES, tmp_path)
    assert {route: each.verdict for route, each in found.items()} == verdicts()[name]
