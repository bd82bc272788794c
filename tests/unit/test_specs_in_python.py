"""Specs that are made in Python, not read from text."""

from __future__ import annotations

from typing import Any

import pytest

from spec_compiler import SpecError, load_spec
from spec_compiler.language.base import Base
from spec_compiler.spec import Spec
from spec_compiler.spec.permissions import Permissions

DATA: dict[str, Any] = {"spec": 1, "base": {"application": "VGG16", "weights": None}, "cut_at": "block4_pool"}


def test_finding_W25_a_validated_spec_is_a_spec() -> None:
    for spec in (Spec.model_validate(DATA), Spec(**DATA)):
        assert load_spec(spec) is spec
        assert spec.source.data == DATA
        assert list(spec.texts()) == ["block4_pool"]
        assert list(load_spec(spec, overrides=["cut_at=block3_pool"]).texts()) == ["block3_pool"]


def test_finding_W25_permissions_are_asked_of_a_validated_spec() -> None:
    spec = Spec.model_validate({"spec": 1, "base": {"python": "my_models:backbone"}})
    with pytest.raises(SpecError, match="SC112"):
        load_spec(spec, allowed=Permissions())
    made = Base(python="my_models:backbone")
    with pytest.raises(ValueError, match="plain data"):
        Spec(spec=1, base=made)
    with pytest.raises(SpecError, match="plain data"):
        load_spec({"spec": 1, "bases": {"a": made, "b": {"application": "VGG16"}}}, allowed=Permissions())


def test_finding_W25_a_copy_with_other_sections_is_what_it_says() -> None:
    spec = load_spec(DATA)
    other = spec.model_copy(update={"cut_at": "block3_pool"})
    assert list(load_spec(other).texts()) == ["block3_pool"]
    assert spec.model_copy().source is spec.source
    with pytest.raises(SpecError, match="SC104"):
        spec.model_copy(update={"cut_at": 3})


def test_finding_W25_a_spec_without_validation_says_so() -> None:
    with pytest.raises(TypeError, match="never validated"):
        load_spec(Spec.model_construct(spec=1))
