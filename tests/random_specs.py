"""Specs drawn at random, for a graph whose layers are called `l0`, `l1` …, and for a model of which it was read."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def selectors(names: list[str]) -> Any:
    """Selectors that mostly hit."""
    name = st.sampled_from(names)
    return st.one_of(
        name,
        name,
        st.builds("{}..{}".format, name, name),
        st.builds("..{}".format, name),
        st.sampled_from(("l*", "type:Dense", "type:Activation", "all", "[1:3]", "nobody", "l?/first", "l3/*")),
        st.builds("{}@{}".format, name, st.integers(0, 2)),
        st.lists(name, min_size=1, max_size=3),
    )


ENTRIES = st.sampled_from(
    (
        [{"Dense": 3}],
        [{"Dense": {"units": 4, "activation": "relu"}}],
        [{"Activation": "relu"}],
        [{"Activation": {"activation": "tanh", "name": "{name}_t"}}],
        ["BatchNormalization", {"Dropout": 0.1}],
        [{"BatchNormalization": {}, "weights": "identity"}, {"Dense": "${in.channels}", "weights": "identity"}],
        ["Add"],
        ["Concatenate"],
        [{"Conv2D": {"filters": 2, "kernel_size": 1}}],
    )
)


@st.composite
def specs(draw: Any, names: list[str]) -> dict[str, Any]:
    """A spec with one to three sections for a model with these layers."""
    one = selectors(names)
    sections: dict[str, Any] = {
        "start_at": st.sampled_from(names),
        "inputs": st.fixed_dictionaries(
            {"n0": st.one_of(st.fixed_dictionaries({"feeds": one}), st.just({"shape": [8], "dtype": "int32"}))}
        ),
        "cut_at": st.sampled_from(names),
        "remove": st.lists(one, min_size=1, max_size=2),
        "replace": st.lists(
            st.one_of(
                st.fixed_dictionaries({"layers": one, "with": ENTRIES}),
                st.fixed_dictionaries({"layers": st.fixed_dictionaries({"each": one}), "with": ENTRIES}),
            ),
            min_size=1,
            max_size=2,
        ),
        "insert": st.lists(
            st.one_of(
                st.fixed_dictionaries({"after": one, "with": ENTRIES}),
                st.fixed_dictionaries({"before": st.fixed_dictionaries({"each": one}), "with": ENTRIES}),
                st.fixed_dictionaries({"after": st.fixed_dictionaries({"each": one}), "with": ENTRIES}),
                st.fixed_dictionaries({"between": st.lists(one, min_size=2, max_size=2), "with": ENTRIES}),
            ),
            min_size=1,
            max_size=2,
        ),
        "set": st.just([{"layers": "type:Dense", "to": {"kernel_regularizer": "l2"}}]),
        "head": ENTRIES,
        "rename": st.dictionaries(
            st.sampled_from(names), st.sampled_from((*names, "m0", "m1")), min_size=1, max_size=2
        ),
        "outputs": st.one_of(
            st.sampled_from(names),
            st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True),
            st.dictionaries(st.sampled_from(("a", "b")), st.sampled_from(names), min_size=1),
        ),
        "prune": st.fixed_dictionaries({"layers": one, "keep": st.sampled_from((0.5, 2))}),
        "widen": st.fixed_dictionaries({"layers": one, "to": st.sampled_from((9, 16))}),
        "fold": st.one_of(st.just("batch_norm"), st.fixed_dictionaries({"batch_norm": one})),
        "dtype": st.sampled_from(("mixed_bfloat16", "mixed_float16")),
        "lora": st.fixed_dictionaries(
            {"layers": one, "rank": st.sampled_from((1, 3)), "alpha": st.sampled_from((2, 5))}
        ),
        "freeze": one,
        "unfreeze": one,
    }
    chosen = draw(st.lists(st.sampled_from(sorted(sections)), min_size=1, max_size=3, unique=True))
    return {"spec": 1, **{key: draw(sections[key]) for key in chosen}}
