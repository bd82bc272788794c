"""Channels on graphs written as text: what is grouped, what stays and why, and what becomes of variables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spec_compiler.channels.atoms import LayerPath
from spec_compiler.channels.groups import Channels, Values
from spec_compiler.channels.importance import NotMeasured, importance
from spec_compiler.channels.words import described, divided
from spec_compiler.graph import Graph
from spec_compiler.graph.node import ValueRef
from tests.unit.graph_reader import read_graph

NET = """
model net
inputs  image
outputs top

image  InputLayer(batch_shape=(None, 4, 4, 3))                                -> (None, 4, 4, 3)
a      Conv2D(filters=4, kernel_size=1, use_bias=True, data_format='channels_last') <- image -> (None, 4, 4, 4) | kernel (1, 1, 3, 4), bias (4,)
norm   BatchNormalization(axis=-1) <- a                                       -> (None, 4, 4, 4) | gamma (4,), beta (4,), moving_mean (4,), moving_variance (4,)
b      Conv2D(filters=4, kernel_size=1, data_format='channels_last') <- norm  -> (None, 4, 4, 4) | kernel (1, 1, 4, 4)
add    Add() <- [norm, b]                                                     -> (None, 4, 4, 4)
c      Conv2D(filters=2, kernel_size=1, data_format='channels_last') <- add   -> (None, 4, 4, 2) | kernel (1, 1, 4, 2)
both   Concatenate(axis=-1) <- [add, c]                                       -> (None, 4, 4, 6)
flat   Flatten(data_format='channels_last') <- both                           -> (None, 96)
top    Dense(units=5) <- flat                                                 -> (None, 5) | kernel (96, 5), bias (5,)
"""  # noqa: E501


def net(lines: str, shape: str = "(None, 8)", start: str = "x") -> Graph:
    """A graph of these lines behind an input, the last of which is the output."""
    body = [line for line in lines.strip().splitlines() if not line.startswith(" ")]
    end = body[-1].split()[0]
    first = f"{start} InputLayer(batch_shape={shape}) -> {shape}"
    return read_graph(f"model net\ninputs {start}\noutputs {end}\n\n{first}\n{lines.strip()}\n")


def of(text: str) -> Channels:
    return Channels.of(read_graph(text))


def test_groups_are_joined_by_sums_and_not_by_what_stands_beside() -> None:
    groups = of(NET).groups
    assert [(group.unit, len(group.channels), group.makers) for group in groups] == [
        ("inputs", 3, (("image",),)),
        ("channels", 4, (("a",), ("b",))),
        ("channels", 2, (("c",),)),
        ("channels", 5, (("top",),)),
    ]
    assert [len(group.free) for group in groups] == [0, 4, 2, 0]
    assert groups[1].readers == (("b",), ("c",), ("top",))
    assert (("norm",), 3) in groups[1].variables


def test_a_group_in_words() -> None:
    channels = of(NET)
    assert [described(group) for group in channels.groups] == [
        "3 inputs; made by `image`; read by `a`; in 1 variable; pinned: the model's input `image`",
        "4 channels; made by `a`, `b`; read by `b`, `c`, `top`; in 9 variables",
        "2 channels; made by `c`; read by `top`; in 2 variables",
        "5 channels; made by `top`; in 2 variables; pinned: the model's output `top`",
    ]


def test_a_layer_finds_its_group() -> None:
    channels = of(NET)
    for layer in ("a", "norm", "b", "add"):
        assert channels.group_of(layer) is channels.groups[1]
    assert channels.group_of("both") is None
    assert channels.groups_of("both") == channels.groups[1:3]
    assert channels.channels_of("both").tolist() == [*channels.channels_of("a"), *channels.channels_of("c")]
    assert channels.group_of("top") is channels.groups[3]


def test_arrays_leave_at_the_places_of_their_channels() -> None:
    channels = of(NET)
    a, c = channels.channels_of("a"), channels.channels_of("c")
    counts = channels.counts({int(a[1]): 0, int(c[0]): 0})
    kernel = np.arange(12.0).reshape(1, 1, 3, 4)
    assert channels.array(kernel, (("a",), 0), counts).tolist() == kernel[..., [0, 2, 3]].tolist()
    top = np.arange(96.0 * 5).reshape(96, 5)
    rows = [row for row in range(96) if row % 6 not in (1, 4)]  # each of the 16 pixels has 4 channels and 2
    assert channels.array(top, (("top",), 0), counts).tolist() == top[rows].tolist()
    assert channels.arguments("a", counts) == {"filters": 3}
    assert channels.arguments("top", counts) == {}
    assert set(channels.changed_layers(counts)) == {("a",), ("b",), ("c",)}
    (index,) = channels.tensor(ValueRef("flat"), counts)
    assert index is not None
    assert index.tolist() == rows
    assert channels.shape((None, 96), ValueRef("flat"), counts) == (None, 64)
    assert channels.emptied(counts) == ()
    assert channels.emptied(channels.counts(dict.fromkeys(c.tolist(), 0))) == (("c",),)


def test_copies_stand_behind_their_channels_and_share_what_they_give() -> None:
    channels = of(NET)
    counts = channels.counts({int(channels.channels_of("c")[1]): 3})
    kernel = np.arange(8.0).reshape(1, 1, 4, 2)
    assert channels.array(kernel, (("c",), 0), counts).tolist() == kernel[..., [0, 1, 1, 1]].tolist()
    top = np.ones((96, 5))
    new = channels.array(top, (("top",), 0), counts)
    assert new.shape == (128, 5)
    assert new[:8, 0].tolist() == [1, 1, 1, 1, 1, 1 / 3, 1 / 3, 1 / 3]


@pytest.mark.parametrize(
    ("changes", "key", "rank", "text"),
    [
        ({0: 0}, ("a", 0), 4, "axis 3: 1:4 of 4 kept"),
        ({0: 0, 2: 0}, ("a", 1), 1, "entries 1, 3 of 4 kept"),
        ({0: 2}, ("b", 0), 4, "axis 2: 0 of 4 repeated, divided by their number, axis 3: 0 of 4 repeated"),
        ({1: 0}, ("top", 0), 2, "rows 0, 2:7, 8:13 and 69 more of 96 kept"),
        ({1: 0}, ("top", 1), 1, None),
    ],
)
def test_what_becomes_of_a_variable_in_words(
    changes: dict[int, int], key: tuple[str, int], rank: int, text: str | None
) -> None:
    channels = of(NET)
    roots = channels.channels_of("a")
    counts = channels.counts({int(roots[at]): number for at, number in changes.items()})
    assert divided(channels, ((key[0],), key[1]), rank, counts) == text


def test_importance() -> None:
    channels = of(NET)
    group = channels.groups[1]
    values: dict[tuple[LayerPath, int], Values] = {
        (("a",), 0): np.array([1.0, -2.0, 0.0, 3.0]) * np.ones((1, 1, 3, 4)),
        (("b",), 0): np.array([0.0, 1.0, 0.5, -1.0]) * np.ones((1, 1, 4, 4)),
        (("norm",), 0): np.array([0.1, -0.4, 0.3, 0.2]),
        (("c",), 0): np.ones((1, 1, 4, 2)),
    }
    assert importance(channels, group, "l1", values.__getitem__) == (3, 6 + 4, 2, 9 + 4)
    assert importance(channels, group, "l2", values.__getitem__) == pytest.approx((3**0.5, 16**0.5, 1, 31**0.5))
    roots = group.channels.tolist()
    assert importance(channels, group, "gamma", values.__getitem__, roots[::-1]) == (0.2, 0.3, 0.4, 0.1)
    drawn = [importance(channels, group, "random", values.__getitem__, seed=seed) for seed in ("a", "a", "b")]
    assert drawn[0] == drawn[1] != drawn[2]
    with pytest.raises(NotMeasured, match="goes through no BatchNormalization"):
        importance(channels, channels.groups[2], "gamma", values.__getitem__)


DENSE = "Dense(units=4) <- x -> (None, 4) | kernel (8, 4), bias (4,)"
TOP = "top Dense(units=2) <- y -> (None, 2) | kernel (4, 2), bias (2,)"


@pytest.mark.parametrize(
    ("line", "pinned", "mixed", "unwidenable"),
    [
        ("y Dropout(rate=0.5) <- a -> (None, 4)", None, None, None),
        ("y Activation(activation='relu') <- a -> (None, 4)", None, None, None),
        ("y Activation(activation='glu') <- a -> (None, 4)",
         "`y` (Activation) has an activation that is not known to treat each channel by itself", None, None),
        ("y Activation(activation={'module': 'mine', 'class_name': 'function', 'config': 'relu'}) <- a -> (None, 4)",
         "`y` (Activation) has an activation that is not known to treat each channel by itself", None, None),
        ("y Activation(activation='softmax') <- a -> (None, 4)", None,
         "`y` (Activation) normalises over the channels",
         "`y` (Activation) normalises over the channels, copies would count twice"),
        ("y LayerNormalization(axis=-1) <- a -> (None, 4) | gamma (4,), beta (4,)", None,
         "`y` (LayerNormalization) takes mean and variance over the channels", None),
        ("y Lambda() <- a -> (None, 4)", "`y` (Lambda) has no rule for its channels", None, None),
        ("y Relu() <- a -> (None, 4)", "`y` (Relu) has no rule for its channels", None, None),
        ("y Relu() <- a -> (None, 4) ; operation", None, None, None),
        ("y ReLU() <- a -> (None, 4) ; operation", "`y` (ReLU) has no rule for its channels", None, None),
        ("y Masking(mask_value=0.0) <- a -> (None, 4)",
         "`y` (Masking) skips a step by what all its channels hold", None, None),
        ("y Rescaling(scale=[1.0, 2.0, 3.0, 4.0], offset=0.0) <- a -> (None, 4)",
         "`y` (Rescaling) has a factor or an offset for each channel", None, None),
        ("y BatchNormalization(axis=-1) <- a -> (None, 4) | gamma (4,), beta (4,), renorm_mean (4,)",
         "`y` (BatchNormalization) has a variable `renorm_mean` that its class has not", None, None),
        ("y BatchNormalization(axis=-1) <- a -> (None, 4) | gamma (3,), beta (4,)",
         "`y` (BatchNormalization) has a variable `gamma` of another size than its input says", None, None),
        ("y Dense(units=4) <- a -> (None, 4) | kernel (4, 4), lora_kernel_a (4, 2), lora_kernel_b (2, 4)",
         "`y` (Dense) has a variable `lora_kernel_a` that its class has not", None, None),
        ("y Dense(units=4) <- a -> (None, 4) | none",
         "`y` (Dense) has no variable `kernel` as Keras's has", None, None),
        ("y Dropout(rate=0.5, noise_shape=(None, 4)) <- a -> (None, 4)",
         "`y` (Dropout) has a noise of a shape of its own", None, None),
        ("y Add() <- [a, x2] -> (None, 4)", "`y` (Add) joins the channels with what keeps its size", None, None),
        (("y PReLU(shared_axes=None, alpha_initializer={'class_name': 'Constant', 'config': {'value': [1.0]}}) <- a "
         "-> (None, 4) | alpha (4,)"),
         "`y` (PReLU) has in its `alpha_initializer` a number for each", None, None),
        ("y Add() <- a, [1.0, 2.0, 3.0, 4.0] -> (None, 4) ; operation",
         "`y` (Add) takes a constant that may have a number for each channel", None, None),
        ("y Multiply() <- a, 2.0 -> (None, 4) ; operation", None, None, None),
        ("y Clip(x_min=0, x_max=6) <- a -> (None, 4) ; operation", None, None, None),
    ],
)  # fmt: skip
def test_what_is_not_known_stays(line: str, pinned: str | None, mixed: str | None, unwidenable: str | None) -> None:
    before = "x2 Lambda() <- x -> (None, 4)\n" if "x2" in line else ""
    channels = Channels.of(net(f"{before}a {DENSE}\n{line}\n{TOP}"))
    group = channels.group_of("a")
    assert group is not None
    said = [{why.text for why in each.values()} for each in (group.pinned, group.mixed, group.unwidenable)]
    assert said == [set() if text is None else {text} for text in (pinned, mixed, unwidenable)]
    if pinned or mixed:
        (why,) = (group.pinned or group.mixed)[int(group.channels[0])], *()
        assert why.layer == ("y",)


def test_a_class_of_the_name_of_one_of_keras_stays() -> None:
    graph = net(f"a {DENSE}\ny Dropout(rate=0.5) <- a -> (None, 4)\n{TOP}")
    for module, free in (("keras.layers", 4), (None, 0), ("my_layers", 0)):
        layer = replace(graph.layers["y"], config={**graph.layers["y"].config, "module": module})
        group = Channels.of(replace(graph, layers={**graph.layers, "y": layer})).group_of("a")
        assert group is not None
        assert len(group.free) == free


def test_layers_that_hold_the_same_variable_stay() -> None:
    graph = net(f"a {DENSE}\nb {DENSE}\ny Add() <- [a, b] -> (None, 4)\n{TOP}")
    one, other = graph.layers["a"], graph.layers["b"]
    assert one.variables is not None
    assert other.variables is not None
    shared = replace(other.variables[0], shared_path=one.stored.at(one.variables[0]))
    tied = replace(graph, layers={**graph.layers, "b": replace(other, variables=(shared, other.variables[1]))})
    (group,) = Channels.of(tied).groups_of("y")
    assert {why.text for why in group.pinned.values()} == {"`a` (Dense) shares its variables with another layer"}
    assert len(Channels.of(graph).groups_of("y")[0].free) == 4


def test_the_channels_of_an_input_are_known_where_they_are_read() -> None:
    graph = net(
        """
pad  ZeroPadding2D(padding=1, data_format='channels_last') <- x -> (None, 6, 6, 3)
norm BatchNormalization(axis=-1) <- pad -> (None, 6, 6, 3) | gamma (3,), beta (3,)
twice Concatenate(axis=-1) <- [norm, norm] -> (None, 6, 6, 6)
one  Conv2D(filters=2, kernel_size=1, data_format='channels_last') <- twice -> (None, 6, 6, 2) | kernel (1, 1, 6, 2)
both Concatenate(axis=-1) <- [one, pad] -> (None, 6, 6, 5)
top  Conv2D(filters=2, kernel_size=1, data_format='channels_last') <- both -> (None, 6, 6, 2) | kernel (1, 1, 5, 2)
""",
        "(None, 4, 4, 3)",
    )
    channels = Channels.of(graph)
    assert channels.input_axis("x") == 3
    assert [
        (each.use.key, each.use.axis, each.use.role, each.positions.tolist()) for each in channels.input_uses("x")
    ] == [
        ((("norm",), 0), 0, "carries", [0, 1, 2]),
        ((("norm",), 1), 0, "carries", [0, 1, 2]),
        ((("one",), 0), 2, "takes", [0, 1, 2, 0, 1, 2]),
        ((("top",), 0), 2, "takes", [-1, -1, 0, 1, 2]),
    ]
    assert channels.input_reasons("x") == ()


def test_an_input_with_channels_first() -> None:
    graph = net(
        "top Conv2D(filters=2, data_format='channels_first') <- x -> (None, 2, 4, 4) | kernel (1, 1, 3, 2)",
        "(None, 3, 4, 4)",
    )
    channels = Channels.of(graph)
    assert channels.input_axis("x") == 1
    (use,) = channels.input_uses("x")
    assert (use.use.axis, use.positions.tolist()) == (2, [0, 1, 2])


def test_an_input_that_is_added_to_says_so() -> None:
    graph = net("a Dense(units=8) <- x -> (None, 8) | kernel (8, 8)\ny Add() <- [x, a] -> (None, 8)\n"
                "z LayerNormalization(axis=-1) <- y -> (None, 8) | gamma (8,)\n"
                "top Dense(units=2) <- z -> (None, 2) | kernel (8, 2)")  # fmt: skip
    channels = Channels.of(graph)
    assert [(each.use.key[0], each.use.role) for each in channels.input_uses("x")] == [
        (("a",), "takes"),
        (("a",), "makes"),
        (("z",), "carries"),
        (("top",), "takes"),
    ]
    (why,) = channels.input_reasons("x")
    assert why.text == "`z` (LayerNormalization) takes mean and variance over the channels"


def test_heads_are_a_group_of_their_own() -> None:
    graph = net(
        """
a   Dense(units=6) <- x -> (None, 5, 6) | kernel (8, 6)
att MultiHeadAttention(num_heads=3, key_dim=2, output_shape=None) <- a, a -> (None, 5, 6) | query/kernel (6, 3, 2), key/kernel (6, 3, 2), value/kernel (6, 3, 2), attention_output/kernel (3, 2, 6)
sum Add() <- [a, att] -> (None, 5, 6)
top Dense(units=2) <- sum -> (None, 5, 2) | kernel (6, 2)
""",  # noqa: E501
        "(None, 5, 8)",
    )
    channels = Channels.of(graph)
    heads, width = channels.group_of("att", "heads"), channels.group_of("att")
    assert heads is not None
    assert (heads.unit, len(heads.free), heads.makers) == ("heads", 3, (("att",),))
    assert width is channels.group_of("a")
    counts = channels.counts({int(heads.channels[0]): 0, int(channels.channels_of("a")[2]): 0})
    assert channels.arguments("att", counts) == {"num_heads": 2}  # the output follows the query, as it did
    narrow = channels.array(np.ones((6, 3, 2)), (("att",), 0), counts)
    assert narrow.shape == (5, 2, 2)
    assert channels.group_of("a", "heads") is None


def test_a_group_of_a_convolution_is_one_channel() -> None:
    graph = net(
        """
a   Conv2D(filters=4, kernel_size=1, data_format='channels_last') <- x -> (None, 4, 4, 4) | kernel (1, 1, 3, 4)
b   Conv2D(filters=6, groups=2, data_format='channels_last') <- a -> (None, 4, 4, 6) | kernel (1, 1, 2, 6)
top Conv2D(filters=2, kernel_size=1, data_format='channels_last') <- b -> (None, 4, 4, 2) | kernel (1, 1, 6, 2)
""",
        "(None, 4, 4, 3)",
    )
    channels = Channels.of(graph)
    group = channels.group_of("b")
    assert group is channels.group_of("a")
    assert group is not None
    assert described(group) == (
        "2 channels of several each: `b` (Conv2D) computes in groups, each of which leaves as a whole; "
        "made by `a`, `b`; read by `top`; in 3 variables"
    )
    counts = channels.counts({int(group.channels[0]): 0})
    assert channels.arguments("b", counts) == {"filters": 3, "groups": 1}
    assert channels.arguments("a", counts) == {"filters": 2}
    assert channels.array(np.arange(12.0).reshape(1, 1, 2, 6), (("b",), 0), counts)[0, 0, 0].tolist() == [3, 4, 5]


def test_layers_of_nested_models_are_known_by_their_paths() -> None:
    graph = net(
        """
a     Dense(units=4) <- x -> (None, 4) | kernel (8, 4)
inner Functional() <- a -> (None, 3)
    model inner
    inputs  start
    outputs b

    start InputLayer(batch_shape=(None, 4)) -> (None, 4)
    b     Dense(units=3) <- start -> (None, 3) | kernel (4, 3)
top   Dense(units=2) <- inner -> (None, 2) | kernel (3, 2)
"""
    )
    channels = Channels.of(graph)
    assert channels.group_of("inner") is channels.group_of(("inner", "b"))
    assert len(channels.channels_of(("inner", "b"))) == 3
    counts = channels.counts({int(channels.channels_of("a")[0]): 0})
    assert channels.arguments(("inner", "start"), counts) == {"batch_shape": (None, 3)}
    assert channels.array(np.ones((4, 3)), (("inner", "b"), 0), counts).shape == (3, 3)
    assert channels.shape((None, 4), ValueRef("start"), counts, ("inner",)) == (None, 3)


def test_new_layers_that_are_not_built_yet_take_what_comes() -> None:
    graph = net(
        f"""
a    {DENSE}
norm BatchNormalization() <- a -> (None, 4) ; from head[0]
b    Dense(units=3) <- norm -> (None, 3) ; from head[1]
c    Conv1D(filters=2) <- b -> (None, 3) ; from head[2]
"""
    )
    channels = Channels.of(graph)
    assert [len(group.free) for group in channels.groups] == [0, 4, 0]
    assert [use.layer for use in channels.groups[1].uses] == [("a",), ("a",)]
    counts = channels.counts({int(channels.channels_of("b")[0]): 0})
    assert channels.arguments("b", counts) == {"units": 2}
    assert {why.text for why in channels.groups[2].pinned.values()} == {
        "`c` (Conv1D) puts out another shape than its rule says"
    }


def test_a_graph_whose_shapes_are_not_known_yet_says_so() -> None:
    graph = net(f"a {DENSE}\ny Dense(units=3) <- a\ntop Dense(units=2) <- y")
    group = Channels.of(graph).group_of("a")
    assert group is not None
    assert {why.layer for why in group.pinned.values()} == {("y",)}
