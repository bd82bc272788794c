"""The catalogue of Keras without Keras: what it answers, and what it says about wrong arguments."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from spec_compiler.diagnostics import Diagnostic, dotted
from spec_compiler.keras_facts.argument_checks import check_application, check_arguments, check_entry
from spec_compiler.keras_facts.argument_values import check_value
from spec_compiler.keras_facts.catalogue import (
    CLASS_KINDS,
    application,
    application_names,
    argument_kind,
    argument_names,
    catalogue,
    class_record,
    first_argument,
    layer_names,
)
from spec_compiler.text.yaml_text import parse_source

Check = Callable[[Mapping[str, Any]], tuple[Diagnostic, ...]]

FIXTURES = Path(__file__).parent.parent / "fixtures" / "catalogue"
FINE: list[tuple[str, dict[str, Any]]] = [
    ("Conv2D", {"filters": 8, "kernel_size": (3, 5), "padding": "SAME", "dilation_rate": [2, 1]}),
    ("Conv1D", {"filters": 8, "kernel_size": [3], "padding": "causal"}),
    ("MaxPooling2D", {"pool_size": 2, "strides": None}),
    ("ZeroPadding2D", {"padding": [[0, 1], 2]}),
    ("Dense", {"units": 3, "activation": None, "kernel_initializer": None, "dtype": "mixed_bfloat16"}),
    ("Dense", {"units": 3, "activation": "mine>wave", "kernel_initializer": {"mine>Waves": {"n": 2}}}),
    ("Dense", {"units": 3, "kernel_initializer": {"HeNormal": None}, "bias_initializer": {"Constant": [1, 2, 3]}}),
    ("Dense", {"units": 3, "kernel_regularizer": {"L1L2": {"l1": 0.1, "l2": 0.1}}, "kernel_constraint": "non_neg"}),
    ("Dense", {"units": 3, "dtype": "int8_from_float32", "kernel_initializer": object()}),
    ("Dense", {"units": 3, "kernel_initializer": {"module": "mine", "class_name": "Waves", "config": {"n": 2}}}),
    ("Bidirectional", {"layer": {"LSTM": 8}, "backward_layer": None, "merge_mode": None}),
    ("TimeDistributed", {"layer": {"mine>Layer": {"anything": 1}}}),
    ("RNN", {"cell": [{"LSTMCell": 4}, {"GRUCell": {"units": 4}}]}),
    ("LSTM", {"units": 4, "implementation": 1, "zero_output_for_mask": True}),
    ("Lambda", {"function": len}),
    ("Lambda", {"function": "my.layers:double", "mask": None}),
    ("Rescaling", {"scale": [1.0, 2.0, 3.0]}),
    ("Foo", {"anything": 1}),
]

WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    -3,
    0.25,
    7.0,
    "",
    "seven",
    "[1, 2]",
    [],
    [None, "a"],
    [[1, 2], "b"],
    {"a": 1},
    {},
)


def test_says_what_is_wrong(request: pytest.FixtureRequest) -> None:
    """Each block of the golden file is an entry and what is said about it: code, place (`key` or value), message."""
    golden = FIXTURES / "entries.expect.txt"
    text = golden.read_text(encoding="utf-8")
    entries = [line for line in text.splitlines() if line and not line.startswith(" ")]
    blocks = ["\n".join([entry, *_report(parse_source(entry).data)]) for entry in entries]
    said = "\n\n".join(blocks) + "\n"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(said, encoding="utf-8")
    assert said == text


def _report(entry: Any) -> Iterator[str]:
    for each in check_entry(entry):
        yield f"  {each.code} {'key ' if each.at_key else ''}{dotted(each.path) or '(entry)'}: {each.message}"
        if each.help is not None:
            yield f"    help: {each.help}"


@pytest.mark.parametrize(("class_name", "arguments"), FINE)
def test_takes_what_keras_takes(class_name: str, arguments: dict[str, Any]) -> None:
    assert check_arguments(class_name, arguments) == ()


def test_arguments_of_an_existing_layer_need_not_be_complete() -> None:
    assert check_arguments("Conv2D", {"strides": 1}, partial=True) == ()


def test_applications() -> None:
    assert len(application_names()) == 40
    assert application("EfficientNetB7")["default_size"] == 600
    assert application("MobileNetV3Small")["default_size"] is None  # it takes any size
    assert check_application("MobileNet", {"input_shape": [None, None, 3], "pooling": None, "alpha": 0.5}) == ()
    found = check_application("VGG16", {"input_shape": [224, 224], "classes": "10", "alpha": 1})
    assert [(each.code, each.path, each.help) for each in found] == [
        ("SC107", ("input_shape",), None),
        ("SC107", ("classes",), "remove the quotes: `classes: 10`"),
        (
            "SC106",
            ("alpha",),
            "it takes `include_top`, `input_shape`, `pooling`, `classes`, `classifier_activation` and `name`",
        ),
    ]
    assert check_application("NoSuchNet", {"a": 1}) == ()
    with pytest.raises(KeyError):
        application("NoSuchNet")


def test_answers_about_classes() -> None:
    assert {"Conv2D", "AvgPool2D", "AveragePooling2D", "GroupQueryAttention"} <= set(layer_names())
    assert not {"Layer", "Wrapper", "Input", "InputSpec", "add"} & set(layer_names())
    assert argument_names("AvgPool2D") == argument_names("AveragePooling2D")
    assert first_argument("HeNormal") == "seed"
    assert first_argument("Foo") is None
    assert argument_names("Foo") == ()
    assert argument_kind("Foo", "bar") is None
    assert argument_kind("RNN", "cell") == "layer"
    assert argument_kind("Lambda", "function") == "function"
    assert argument_kind("he_normal", "seed") is None
    assert class_record("l2") is class_record("L2") is not None


def test_identity_is_a_layer_and_an_initializer() -> None:
    assert first_argument("Identity") is None
    assert first_argument("Identity", kind="initializer") == "gain"
    assert check_arguments("Identity", {"gain": 2.0}, kind="initializer") == ()


def records() -> Iterator[tuple[str, Mapping[str, Any], Check]]:
    """Every catalogued callable: its place, its arguments, and its check."""
    groups = {"loss": "losses"}
    for kind in CLASS_KINDS:
        for name, record in catalogue()[groups.get(kind, f"{kind}s")].items():
            if "alias_of" not in record:
                yield f"{kind} {name}", record["arguments"], partial(check_arguments, name, kind=kind, partial=True)
    for name in application_names():
        yield name, application(name)["arguments"], partial(check_application, name)


def test_every_default_passes() -> None:
    refused = {
        f"{place}.{name}": record["default"]
        for place, arguments, check in records()
        for name, record in arguments.items()
        if "default" in record and check({name: record["default"]})
    }
    assert refused == {}


def test_every_schema_is_valid() -> None:
    for schema in catalogue()["definitions"].values():
        Draft7Validator.check_schema(schema)
    for place, arguments, _ in records():
        for name, record in arguments.items():
            assert record.get("required", False) == ("default" not in record), f"{place}.{name}"
            Draft7Validator.check_schema(record["schema"])


def test_every_refusal_is_in_plain_words() -> None:
    seen = {str(record["schema"]): record["schema"] for _, each, _ in records() for record in each.values()}
    definitions = catalogue()["definitions"]
    for schema in [*seen.values(), *definitions.values()]:
        for value in WRONG_VALUES:
            for found in check_value(("argument",), value, schema, definitions):
                assert found.message.startswith("`argument")
                assert not found.message.endswith(".")
                assert not re.search(r"\{'|\$ref|anyOf|\b(schema|None|True|False)\b", found.message), found.message


def test_needs_neither_keras_nor_jsonschema_to_start() -> None:
    code = (
        "import sys\n"
        "from spec_compiler.keras_facts.catalogue import layer_names\n"
        "from spec_compiler.keras_facts.argument_checks import check_arguments\n"
        "assert layer_names() and 'jsonschema' not in sys.modules\n"
        "assert check_arguments('Dense', {'units': '3'})\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
