"""An embedding for another vocabulary: rows that stay are bit-equal, new ones begin as Keras begins them."""

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

OLD, NEW = ["[pad]", "[UNK]", "sun", "moon", "sea"], ["[pad]", "[UNK]", "sea", "star", "sun", "sky"]


def net(mask: bool = True) -> Any:
    words = keras.Input((None,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=mask, name="words")(words)
    return filled(keras.Model(words, layers.LSTM(3, name="lstm")(x)))


def spec(weights: Any, size: int) -> dict[str, Any]:
    return {"set": {"layers": "words", "to": {"input_dim": size}, "weights": weights}}


@pytest.mark.parametrize("form", FORMS)
def test_rows_go_with_their_names(form: str, tmp_path: Path) -> None:
    base = net(mask=form != ".h5")  # Keras itself does not rebuild what it makes of a mask from that format
    result = compiled(spec({"rows": {"old": OLD, "new": NEW}}, 6), base, form, tmp_path)
    old, new = (each.get_layer("words").get_weights()[0] for each in (base, result.model))
    assert_same_bits(new[[0, 1, 2, 4]], old[[0, 1, 4, 2]])
    assert 0 < np.abs(new[[3, 5]]).max() <= 0.05  # Keras's `uniform`
    assert actions(result, "words") == {"embeddings": "adapted"}
    assert promised(result) == ("partly", "the rows that stay (4: `[pad]`, `[UNK]`, `sea` …)")
    before = outputs_of(base, np.array([[2, 4, 1, 0], [4, 2, 0, 0]]))
    assert_same_bits(outputs_of(result.model, np.array([[4, 2, 1, 0], [2, 4, 0, 0]])), before)


def test_a_new_layer_has_rows_of_an_old_one(tmp_path: Path) -> None:
    for name, terms in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.txt").write_text("\n".join(terms), encoding="utf-8")
    embedding = "{input_dim: 6, output_dim: 4, mask_zero: true, name: more}"
    weights = "{of: '{name}', rows: {old: old.txt, new: new.txt}}"
    entry = f"{{Embedding: {embedding}, weights: {weights}}}"
    (tmp_path / "a.yaml").write_text(f"spec: 1\nreplace: {{layers: words, with: {entry}}}\n", encoding="utf-8")
    base = net()
    result = compile_spec(tmp_path / "a.yaml", base=base)
    new = result.model.get_layer("more").get_weights()[0]
    assert_same_bits(new[[0, 1, 2, 4]], base.get_layer("words").get_weights()[0][[0, 1, 4, 2]])


@pytest.mark.parametrize("size", [3, 8])
def test_the_first_rows(size: int) -> None:
    base = net()
    result = compile_spec({"spec": 1, **spec("first_rows", size)}, base=base)
    old, new = (each.get_layer("words").get_weights()[0] for each in (base, result.model))
    assert new.shape == (size, 4)
    assert_same_bits(new[:5], old[:size])
    assert promised(result) == ("partly", f"the first {min(size, 5)} rows")


@pytest.mark.parametrize("tied", [True, False])
def test_a_reversible_embedding_has_two_tables(tied: bool) -> None:
    words = keras.Input((3,), dtype="int32")
    table = layers.ReversibleEmbedding(5, 4, tie_weights=tied, name="words")
    base = filled(keras.Model(words, table(layers.Dense(4, name="hidden")(table(words)), reverse=True)))
    result = compile_spec({"spec": 1, **spec({"rows": {"old": OLD, "new": NEW}}, 6)}, base=base)
    before, after = outputs_of(base, np.array([[2, 4, 1]])), outputs_of(result.model, np.array([[4, 2, 1]]))
    np.testing.assert_allclose(after[0][..., [0, 1, 4, 2]], before[0][..., [0, 1, 2, 4]], rtol=1e-5)


def test_an_error_of_the_size_offers_what_keeps_rows() -> None:
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, "set": {"layers": "words", "to": {"input_dim": 8}}}, base=net())
    (found,) = caught.value.diagnostics
    assert found.code == "SC402"
    assert (found.help or "").startswith("write `weights: first_rows` beside `to`")
    assert "`weights: {rows: {old: …, new: …}}`" in found.notes[-1]


@pytest.mark.parametrize(
    ("weights", "size", "says"),
    [
        ({"rows": {"old": OLD[1:], "new": NEW}}, 6, "`old` has 4 names, `words` of the base has 5 rows"),
        ({"rows": {"old": OLD, "new": NEW}}, 7, "`new` has 6 names, it now has 7 rows"),
        ({"rows": {"old": OLD, "new": ["a", "b"]}}, 2, "none of the new names is an old one, `a` is not"),
        ({"classes": {"old": OLD, "new": NEW}}, 6, "`words` (Embedding) is neither a Dense nor a convolution"),
    ],
)
def test_what_does_not_fit(weights: Any, size: int, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1, **spec(weights, size)}, base=net())
    (found,) = caught.value.diagnostics
    assert found.code == "SC407"
    assert found.message == f"`weights: {next(iter(weights))}` does not fit `words` (Embedding): {says}"
