"""A head for other classes: the logits of those that stay are what they were, new ones begin as Keras begins them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from spec_compiler import SpecError, compile_spec
from tests.backend.base_forms import FORMS, actions, compiled, filled, promised
from tests.backend.conftest import assert_same_bits, outputs_of

OLD, NEW = ["cat", "dog", "cow", "hen"], ["yak", "hen", "cat"]
IMAGES = np.random.default_rng(0).normal(size=(3, 4, 4, 2)).astype("float32")


def net(**head: Any) -> Any:
    inputs = keras.Input((4, 4, 2))
    x = layers.Dense(6, activation="tanh", name="hidden")(layers.Flatten(name="flat")(inputs))
    return filled(keras.Model(inputs, layers.Dense(4, name="head", **head)(x)))


def by_set(old: Any, new: Any, units: int = 3, **to: Any) -> dict[str, Any]:
    weights = {"classes": {"old": old, "new": new}}
    return {"set": {"layers": "head", "to": {"units": units, **to}, "weights": weights}}


def by_replace(old: Any, new: Any, **to: Any) -> dict[str, Any]:
    weights = {"of": "head", "classes": {"old": old, "new": new}}
    entry = {"Dense": {"units": 3, "name": "kinds", **to}, "weights": weights}
    return {"replace": {"layers": "head", "with": entry}}


@pytest.mark.parametrize("said", [by_set, by_replace])
@pytest.mark.parametrize("form", FORMS)
def test_the_logits_of_the_classes_that_stay(form: str, said: Any, tmp_path: Path) -> None:
    base = net()
    result = compiled(said(OLD, NEW), base, form, tmp_path)
    before, after = outputs_of(base, IMAGES)[0], outputs_of(result.model, IMAGES)[0]
    np.testing.assert_allclose(after[:, 1], before[:, 3], rtol=1e-5)
    np.testing.assert_allclose(after[:, 2], before[:, 0], rtol=1e-5)
    (kernel, bias), (ours, own_bias) = (each.layers[-1].get_weights() for each in (base, result.model))
    assert_same_bits(ours[:, 1:], kernel[:, [3, 0]].copy())
    assert np.array_equal(own_bias, [0, bias[3], bias[0]])
    limit = np.sqrt(6 / (6 + 3))  # Glorot and Bengio 2010, equation 16
    assert 0 < np.abs(ours[:, 0]).max() <= limit
    layer = result.model.layers[-1].name
    assert actions(result, layer) == {"kernel": "adapted", "bias": "adapted"}
    assert promised(result) == ("partly", "the logits of the classes that stay (2: `hen`, `cat`)")


def test_new_classes_begin_as_in_a_layer_without_the_old_ones() -> None:
    """The same seed and the same name give the same bits, also beside classes that stay."""
    spec = {"spec": 1, "seed": 3, **by_replace(OLD, NEW)}
    ours = [compile_spec(spec, base=net()).model.get_layer("kinds").kernel.numpy() for _ in range(2)]
    entry = {"Dense": {"units": 3, "name": "kinds"}}
    fresh = compile_spec({"spec": 1, "seed": 3, "replace": {"layers": "head", "with": entry}}, base=net())
    assert_same_bits(ours[0], ours[1])
    assert_same_bits(ours[0][:, 0].copy(), fresh.model.get_layer("kinds").kernel.numpy()[:, 0].copy())


def test_names_from_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old.txt").write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\ncow\r\nhen\r\n")  # as Windows writes it
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "new.txt").write_text("yak\nhen\ncat", encoding="utf-8")
    monkeypatch.chdir(tmp_path.parent)  # names start from the spec's folder, not from where the caller is
    text = "spec: 1\n%sset: {layers: head, to: {units: 3}, weights: {classes: {old: %s, new: lists/new.txt}}}\n"
    models = []
    for name, said in (("a", ("", "old.txt")), ("b", ("vars: {old: [cat, dog, cow, hen]}\n", '"${old}"'))):
        (tmp_path / f"{name}.yaml").write_text(text % said, encoding="utf-8")
        models.append(compile_spec(tmp_path / f"{name}.yaml", base=net(), restrict_paths=True).model)
    models.append(compile_spec({"spec": 1, **by_set(OLD, NEW)}, base=net()).model)
    assert_same_bits(models[0].get_weights(), models[2].get_weights())
    assert_same_bits(models[1].get_weights(), models[2].get_weights())


def test_a_block_has_names_of_files_as_well(tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("hen\nyak\n", encoding="utf-8")
    weights = "{of: head, classes: {old: [cat, dog, cow, hen], new: new.txt}}"
    text = f"spec: 1\nblocks: {{top: {{layers: [{{Dense: {{units: 2, name: last}}, weights: {weights}}}]}}}}\n"
    (tmp_path / "spec.yaml").write_text(f"{text}replace: {{layers: head, with: top}}\n", encoding="utf-8")
    base = net()
    result = compile_spec(tmp_path / "spec.yaml", base=base)
    np.testing.assert_allclose(outputs_of(result.model, IMAGES)[0][:, 0], outputs_of(base, IMAGES)[0][:, 3], rtol=1e-5)


def test_a_link_to_names_that_leaves_the_folder(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    (tmp_path / "names.txt").write_text("cat\ndog\ncow\nhen\n", encoding="utf-8")
    (tmp_path / "spec" / "old.txt").symlink_to(tmp_path / "names.txt")
    text = "spec: 1\nset: {layers: head, to: {units: 1}, weights: {classes: {old: old.txt, new: [cow]}}}\n"
    (tmp_path / "spec" / "a.yaml").write_text(text, encoding="utf-8")
    assert compile_spec(tmp_path / "spec" / "a.yaml", base=net()).model.output_shape == (None, 1)
    with pytest.raises(SpecError) as caught:
        compile_spec(tmp_path / "spec" / "a.yaml", base=net(), restrict_paths=True)
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("SC510", 2, 62)


def test_a_head_that_is_a_convolution_of_one_place() -> None:
    inputs = keras.Input((4, 4, 2))
    base = filled(keras.Model(inputs, layers.Conv2D(4, 1, activation="relu", name="head")(inputs)))
    weights = {"classes": {"old": OLD, "new": NEW}}
    spec = {"spec": 1, "set": {"layers": "head", "to": {"filters": 3}, "weights": weights}}
    after = outputs_of(compile_spec(spec, base=base).model, IMAGES)[0]
    np.testing.assert_allclose(after[..., 1:], outputs_of(base, IMAGES)[0][..., [3, 0]], rtol=1e-5)


@pytest.mark.parametrize(("had", "has"), [(True, False), (False, True)])
def test_a_bias_that_comes_or_goes(had: bool, has: bool) -> None:
    base = net(use_bias=had)
    result = compile_spec({"spec": 1, **by_replace(OLD, NEW, use_bias=has)}, base=base)
    assert promised(result)[0] == ("partly" if has else "not")
    before, after = outputs_of(base, IMAGES)[0], outputs_of(result.model, IMAGES)[0]
    assert np.allclose(after[:, 1:], before[:, [3, 0]], rtol=1e-5, atol=1e-6) == has


def test_a_shared_head_and_one_inside_of_a_nested_model(tmp_path: Path) -> None:
    inner = net()
    inner.name = "tower"
    left, right = keras.Input((4, 4, 2)), keras.Input((4, 4, 2))
    base = keras.Model([left, right], layers.Subtract(name="difference")([inner(left), inner(right)]))
    weights = {"classes": {"old": OLD, "new": NEW}}
    spec = {"set": {"layers": "tower/head", "to": {"units": 3}, "weights": weights}}
    result = compiled(spec, base, ".keras", tmp_path)
    images = [IMAGES, 2 * IMAGES]
    after, before = outputs_of(result.model, images)[0], outputs_of(base, images)[0]
    np.testing.assert_allclose(after[:, 1:], before[:, [3, 0]], rtol=1e-4, atol=1e-5)


def test_a_base_without_weights_gives_none(tmp_path: Path) -> None:
    base = net()
    base.save(tmp_path / "base.keras")
    found = {"file": str(tmp_path / "base.keras"), "weights": None}
    result = compile_spec({"spec": 1, "base": found, **by_set(OLD, NEW)})
    assert actions(result, "head") == {"kernel": "initialized", "bias": "initialized"}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (by_set(OLD[:3], NEW), "`old` has 3 names, `head` of the base has 4 classes"),
        (by_set(OLD, NEW, units=2), "`new` has 3 names, it now has 2 classes"),
        (by_set(OLD, ["yak", "Cat", "fox"]), "none of the new names is an old one, `yak` is not"),
    ],
)
def test_what_does_not_fit(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, **spec}, base=net())
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("SC407", f"`weights: classes` does not fit `head` (Dense): {says}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"cat\n\ncow\n", "line 2 is empty"),
        (b"cat\ncow\ncat\n", "`cat` is on line 1 and on line 3"),
        (b"cat\n\xff\n", "line 2 is not UTF-8"),
        (b"cat\0", "it is not text"),
    ],
)
def test_a_file_that_is_no_list_of_names(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_bytes(content)
    text = "spec: 1\nset: {layers: head, to: {units: 3}, weights: {classes: {old: old.txt, new: [a, b, c]}}}\n"
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        compile_spec(tmp_path / "spec.yaml", base=net())
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("SC502", 2, 62)
    assert found.message == f"`old.txt` cannot be read as a list of names: {says}"
