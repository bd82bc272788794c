"""How each form that several sections share is written: first the usual way; together they have every key of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OLD_AND_NEW = {"old": ["cat", "dog"], "new": ["dog", "bird"]}
_NARROWED = {"layers": "type:Conv2D", "except": "block1_*", "where": {"filters": ">=256"}, "expect": 12}

FORM_EXAMPLES: Mapping[str, tuple[Any, ...]] = {
    "weights": ("imagenet", None, {"file": "vgg16.weights.h5", "map": {"block1_conv1": "stage1/conv"}}),
    "selector": (_NARROWED,),
    "freezing": ("base", {**_NARROWED, "batch_norm": "all"}),
    "input_weights": ("sum", {"take": [2, 1, 0]}),
    "rescale": ("1/255", {"scale": "1/127.5", "offset": -1}),
    "target": ("block1_conv1", {"each": "type:ReLU"}),
    "layer_entry": (
        {"Concatenate": {}, "from": ["in", "above"], "name": "joined"},
        {"Dropout": 0.3, "call": {"training": True}},
        {"Conv2D": {"filters": 64, "kernel_size": 1}, "weights": "identity"},
        {"layer": "encoder", "from": "left", "name": "of_left"},
    ),
    "edge": (["block1_pool", "block2_conv1"], {"each": ["type:Conv2D", "type:BatchNormalization"]}),
    "set_weights": (
        "centre",
        "first_rows",
        {"bicubic": {"grid": [16, 16]}},
        {"bilinear": {"grid": [16, 16], "old_grid": [14, 14]}},
        {"classes": _OLD_AND_NEW},
        {"rows": _OLD_AND_NEW},
    ),
    "names": ({"block1_conv1": "stem"},),
    "outputs": ("block4_pool", ["block3_pool", "block4_pool"], {"low": "block1_pool"}),
    "folding": ("batch_norm", {"batch_norm": "conv1_bn"}),
    "data_columns": ("file", {"picture": "file", "age": {"column": "years", "kind": "number"}}),
    "class_weight": ("balanced", {"cat": 1.0, "dog": 2.5}, {"species": "balanced"}),
    "optimizer": ("adam", {"Adam": {"learning_rate": 1.0e-4}}),
    "loss": ("mse", {"CategoricalCrossentropy": {"label_smoothing": 0.1}}),
    "metric": ("accuracy", {"AUC": {"name": "auc"}}),
    "undecayed": ("biases", "block1_*"),
    "callback": ({"EarlyStopping": {"patience": 3}},),
    "swept_values": (
        [128, 256],
        {"log": [1.0e-5, 1.0e-2]},
        {"uniform": [0.1, 0.5, 0.1]},
        {"int": [1, 8]},
        {"log_int": [16, 256]},
    ),
    "pruner": ("median", {"hyperband": {"max_resource": 20}}),
    "bounds": ("25M", {"at_least": 0.97}, {"at_most": "25M"}),
    "new_weights": (
        "identity",
        {"of": "fc1"},
        {"of": "fc1", "reshape": "dense_to_conv"},
        {"of": "predictions", "classes": _OLD_AND_NEW},
        {"of": "embedding", "rows": _OLD_AND_NEW},
    ),
}
