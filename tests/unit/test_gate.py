"""The gate for files: whatever in the language or in Keras can name a file is judged, or declared to name none.

The tests walk the schema of a spec and the catalogue of Keras's classes. A new field or argument that takes a free text
fails here until it is declared in `file_places`, or below with the reason why it names no file.
"""

from __future__ import annotations

import functools
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from spec_compiler import SpecError, check_spec, load_spec
from spec_compiler.keras_facts.catalogue import CLASS_KINDS, catalogue, class_record, group_of
from spec_compiler.keras_facts.schema_fits import fits
from spec_compiler.keras_facts.side_effects import CODE_LAYERS, FUNCTIONS, READS, WRITES, WRITES_INSIDE
from spec_compiler.spec.callback_outputs import OWN, misplaced, placed
from spec_compiler.spec.file_places import FIELDS, asked_in, is_word, plain_place
from spec_compiler.spec.permissions import Permissions, _code
from spec_compiler.spec.schema import spec_schema

# Arguments of Keras's classes that take a free text, and why that is no file.
NO_FILES: Mapping[str, str] = {
    **dict.fromkeys(("name", "monitor", "call_endpoint", "call_training_endpoint"), "the name of something in memory"),
    **dict.fromkeys(("equation", "bias_axes", "encoding", "separator", "bounding_box_format"), "a word of its own"),
    **dict.fromkeys(("mask_token", "oov_token", "fill_value", "mask_value", "value"), "a value for tensors"),
    **dict.fromkeys(("bin_boundaries", "idf_weights", "weights", "mean", "variance", "window"), "numbers; text fails"),
    **dict.fromkeys(("ignore_class", "max_to_keep", "num_regressors", "top_k", "label_weights"), "numbers; text fails"),
    **dict.fromkeys(("method", "output_shape", "params", "state", "variables", "native_serialization_platforms"),
                    "of layers that run code anyway"),
    "exclude_layers": "patterns for names of variables",
    "quantization_config": "a configuration, by its mode",
}  # fmt: skip
# Texts of the language that are no files: places as `plain_place` has them.
NO_FILE_FIELDS = {("dtype",), ("input", "dtype"), ("blocks", "*", "description"), ("base", "as")}
NO_FILE_FIELDS |= {("prune", "inexact"), ("lora", "other_base")}
NO_FILE_FIELDS |= {("input", "rescale"), ("input", "rescale", "scale"), ("input", "rescale", "offset")}
KINDS = ("layer", "layer_entry", "optimizer", "loss", "metric", "callback", "activation")
LIKE_A_PATH = re.compile(
    r"(^|_)(file|path|dir|directory|folder|url|uri|root|backup|host|socket)(_|$)|file(name|path)|^vocabulary$"
)
RESTRICTED = Permissions(code=True, paths=False)


def arguments() -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Every argument of every class in the catalogue: the kind, the class, the argument, its record."""
    for kind in CLASS_KINDS:
        for name in catalogue()[group_of(kind)]:
            for argument, record in (class_record(name, kind) or {})["arguments"].items():
                yield kind, name, argument, record


def takes_text(schema: Mapping[str, Any]) -> bool:
    return _takes_text(json.dumps(schema))


@functools.cache
def _takes_text(schema: str) -> bool:
    return bool(fits("../../any/where at all", json.loads(schema), catalogue()["definitions"]))


schema_of_a_spec = functools.cache(spec_schema)


def is_declared(name: str, argument: str) -> bool:
    return argument in READS or argument in (WRITES.get(name), WRITES_INSIDE.get(name))


def test_every_argument_that_takes_a_text_is_declared() -> None:
    texts = {(name, key) for _, name, key, record in arguments() if takes_text(record["schema"])}
    assert len(texts) > 100
    assert {each for each in texts if not is_declared(*each) and each[1] not in NO_FILES} == set()
    assert set(NO_FILES) <= {key for _, key in texts}


def test_every_argument_that_is_called_like_a_file_is_declared() -> None:
    """Also those of mappings and lists, such as TensorBoard's `embeddings_metadata`."""
    named = {(name, key) for _, name, key, record in arguments() if LIKE_A_PATH.search(key)}
    assert named >= {("CSVLogger", "filename"), ("TensorBoard", "log_dir"), ("StringLookup", "vocabulary")}
    assert {each for each in named if not is_declared(*each)} == set()
    told = re.compile(r"\b(file ?name|file path|path to|directory|URL)\b", re.IGNORECASE)
    plain = {"separator", "save_weights_only", "layout", "profile_batch"}
    documented = {(name, key) for _, name, key, record in arguments() if told.search(record.get("doc", ""))}
    assert {each for each in documented if not is_declared(*each) and each[1] not in plain} == set()


def texts(schema: Mapping[str, Any], place: tuple[str, ...] = (), seen: tuple[str, ...] = ()) -> Iterator[Any]:
    """Every place of a spec that takes a free text, and every place of an object of Keras with its kind."""
    definitions = schema_of_a_spec()["definitions"]
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        if name in KINDS:
            yield place, name
        elif name not in (*seen, "variable"):
            yield from texts(definitions[name], place, (*seen, name))
        return
    for key in ("anyOf", "allOf", "oneOf"):
        for each in schema.get(key, ()):
            yield from texts(each, place, seen)
    if isinstance(schema.get("items"), Mapping):
        yield from texts(schema["items"], place, seen)
    for key, each in schema.get("properties", {}).items():
        yield from texts(each, (*place, key), seen)
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from texts(schema["additionalProperties"], (*place, "*"), seen)
    kind = schema.get("type", ())
    if "string" in ([kind] if isinstance(kind, str) else kind) and "enum" not in schema:
        yield place, None


def test_every_field_that_takes_a_text_is_declared() -> None:
    found = set(texts(schema_of_a_spec()))
    fields = {plain_place(place) for place, kind in found if kind is None}
    assert set(FIELDS) <= {*fields, *((*("bases", "*"), *place[1:]) for place in fields if place[0] == "base")}
    assert {each for each in fields if not is_word(each) and each not in FIELDS} == NO_FILE_FIELDS


def test_where_layers_stand_nothing_is_exempt() -> None:
    places = {plain_place(place) for place, kind in texts(schema_of_a_spec()) if kind in ("layer", "layer_entry")}
    blocks = ("blocks", "*", "layers")
    assert places == {("head",), ("replace", "with"), ("insert", "with"), ("data", "augment"), blocks}
    assert not any(is_word(place) for place in (*places, ("set", "to")))


@pytest.mark.parametrize("place", FIELDS, ids=".".join)
def test_every_field_is_judged(place: tuple[str, ...]) -> None:
    """Without permission a name that leaves the folder is refused at its place, whatever else is wrong."""
    value: Any = "os:getcwd" if FIELDS[place] == "module" else "../../outside.keras"
    path = tuple("left" if key == "*" else key for key in place)
    data: dict[str, Any] = {"spec": 1, path[0]: nested(path[1:], value)}
    with pytest.raises(SpecError) as caught:
        load_spec(data, allowed=Permissions(code=False, paths=False))
    code = "SC112" if FIELDS[place] == "module" else "SC510"
    assert [(each.code, each.path) for each in caught.value.diagnostics if each.code == code] == [(code, path)]


def nested(path: tuple[str, ...], value: Any) -> Any:
    return {path[0]: nested(path[1:], value)} if path else value


PLACES = {
    "head": ("head", 0),
    "replace": ("replace", 0, "with", 0),
    "insert": ("insert", 0, "with", 0),
    "augment": ("data", "augment", 0),
    "set": ("set", 0, "to"),
    "step": ("steps", 0, "head", 0),
    "list in a step": ("steps", 0, "insert", 0, "with", 0),
    "one step": ("steps", "replace", "with"),
    "no step": ("steps", 0, "description"),
    "section-of-tomorrow": ("distil", "layers", 0),
}


def filled(path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    return [filled(path[1:], value)] if path[0] == 0 else {path[0]: filled(path[1:], value)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["entry", "wrapped", "serialised"])
def test_every_file_of_a_layer_is_judged_finding_S5(place: str, form: str) -> None:
    """Every argument of every layer that reads a file, wherever a layer may stand, also where none may stand yet."""
    reading = [(name, key) for kind, name, key, _ in arguments() if kind == "layer" and key in READS]
    assert len(reading) >= 4
    for name, key in reading:
        entry: Any = {name: {key: "../../outside"}}
        if form == "wrapped":
            entry = {"TimeDistributed": {"layer": entry}}
        if form == "serialised":
            entry = {"TimeDistributed": {"layer": {"class_name": name, "config": {key: "../../outside"}}}}
        data = {"spec": 1, **filled(PLACES[place], entry[name] if place == "set" and form == "entry" else entry)}
        with pytest.raises(SpecError) as caught:
            load_spec(data, allowed=RESTRICTED)
        assert {each.code for each in caught.value.diagnostics} == {"SC510"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CODE_LAYERS)
def test_code_is_refused_wherever_it_stands(place: str, name: str) -> None:
    """Deny by default: also in a section that does not exist yet."""
    entries: list[Any] = [
        {name: {"name": "a"}},
        {"TimeDistributed": {"layer": {name: {}}}},
        {"TimeDistributed": {"layer": {"class_name": name, "config": {}}}},
        {"Dense": {"units": 1, "kernel_initializer": {"class_name": "f", "module": "keras.visualization"}}},
        {"Dense": {"units": 1, "kernel_initializer": {"class_name": "Dense", "module": "keras.src.utils"}}},
        {"Dense": {"units": 1, "kernel_initializer": {"class_name": "__lambda__", "config": {}}}},
    ]
    if place != "set":
        entries.append(name)
    for entry in entries:
        with pytest.raises(SpecError) as caught:
            load_spec({"spec": 1, **filled(PLACES[place], entry)}, allowed=Permissions())
        assert {each.code for each in caught.value.diagnostics} == {"SC112"}


@pytest.mark.parametrize("place", [*PLACES, "compile", "callbacks", "schedule"])
def test_code_of_ones_own_is_refused_wherever_it_stands(place: str) -> None:
    """As a text, as a key, at any depth, also where the language has no place for it yet."""
    more = {"compile": ("compile", "loss"), "callbacks": ("train", 0, "callbacks", 0),
            "schedule": ("compile", "optimizer", "Adam", "learning_rate")}  # fmt: skip
    entries: list[Any] = [
        {"my_layers:SE": {"ratio": 3}},
        {"TimeDistributed": {"layer": {"my_layers:SE": None}}},
        {"TimeDistributed": {"layer": "my_layers:SE"}},
        {"Dense": {"units": 1, "kernel_initializer": {"my_layers:Waves": {}}}},
        {"Dense": {"units": 1, "activation": " my_layers:wave "}},
        {"Dense": [{"deeper": ["my.package.layers:wave"]}]},
    ]
    if place != "set":
        entries.append("my_layers:SE")
    for entry in entries:
        data = {"spec": 1, **filled({**PLACES, **more}[place], entry)}
        with pytest.raises(SpecError) as caught:
            load_spec(data, allowed=Permissions())
        assert {each.code for each in caught.value.diagnostics} == {"SC112"}
        assert {each.name for each in asked_in(data) if each.purpose == "module"} <= {"my_layers", "my.package.layers"}


@pytest.mark.parametrize("written", ["json", ["json"], [["json"]], "my.package.yaml_reader"])
def test_imports_are_refused(written: Any) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec({"spec": 1, "imports": written}, allowed=Permissions())
    assert {each.code for each in caught.value.diagnostics} == {"SC112"}


@pytest.mark.parametrize("written", ["evil.py", "a:b", "", ".evil", "evil ", "a-b", "a..b"])
def test_what_is_no_module_is_never_imported(written: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec({"spec": 1, "imports": written})
    assert {each.code for each in caught.value.diagnostics} == {"SC103"}


def test_texts_that_look_like_code_are_none_where_they_are_data() -> None:
    words = {"StringLookup": {"vocabulary": ["time:now", "place:here"], "oov_token": "a:b"}}
    data = {"spec": 1, "head": [words, {"Dense": {"units": 1}, "from": "type:Dense"}], "freeze": "type:Dense"}
    assert load_spec(data, allowed=Permissions()).head is not None


def test_names_of_layers_are_no_code() -> None:
    data = {
        "spec": 1,
        "base": {"application": "VGG16", "weights": {"file": "a.h5", "map": {"Lambda": "TFSMLayer"}}},
        "remove": ["Lambda"],
        "outputs": {"vocabulary": "Lambda"},
        "freeze": "Lambda",
    }
    assert load_spec(data, allowed=Permissions(paths=False)).outputs is not None


def test_what_keras_writes_down_of_its_own_objects_is_no_code() -> None:
    initializer = {"module": "keras.initializers", "class_name": "HeNormal", "config": {"seed": 1}}
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    head = [{"Dense": {"units": 1, "kernel_initializer": initializer, "dtype": policy}}]
    assert load_spec({"spec": 1, "head": head}, allowed=Permissions()).head is not None


OUTSIDE = ("/any/where.keras", "../x.keras", "a/../../x.keras", "~/x.keras", "~root/x.keras", "C:\\x.keras",
           "..\\x.keras", "\\\\server\\x.keras", "file:///x.keras", "gs://x/y.keras", "a\0b.keras", "", " ",
           ".. /x.keras", "{epoch!s:.>2.0}/x.keras", "{epoch.__class__}.keras", "{0}.keras", "{",
           "{epoch:999999}.keras", "{epoch[0]}.keras", "{epoch:{loss}}.keras")  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_no_callback_writes_outside_of_the_run_finding_S1(name: str, tmp_path: Path) -> None:
    key = WRITES[name]
    for text in (*OUTSIDE, *OWN, *(each.upper() for each in OWN), "./best.keras", "x/../last.keras", "best.keras. "):
        assert [each.code for each in misplaced(name, {key: text})] == ["SC612"], text
        with pytest.raises(SpecError):
            placed(name, {key: text}, str(tmp_path))
    for text in (
        "a.keras",
        "a/b.keras",
        "./a.keras",
        "{epoch:02d}-{val_loss:.3f}.keras",
        "..a/b..keras",
        "{mean-iou}.keras",
    ):
        assert list(misplaced(name, {key: text})) == []
        assert placed(name, {key: text}, str(tmp_path))[key].startswith(f"{tmp_path}{os.sep}")


def test_defaults_of_callbacks_stand_in_the_run_too_finding_S1(tmp_path: Path) -> None:
    assert placed("TensorBoard", {}, str(tmp_path)) == {"log_dir": str(tmp_path / "logs")}
    for _, name, key, record in arguments():
        if WRITES.get(name) == key and not record.get("required"):
            assert placed(name, {}, str(tmp_path))[key].startswith(str(tmp_path))


def test_a_link_in_the_run_is_not_followed_finding_S1(tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    run.mkdir()
    outside.mkdir()
    (run / "logs").symlink_to(outside)
    (run / "1.keras").symlink_to(outside / "1.keras")
    (run / "own").mkdir()
    for text in ("logs", "logs/a.csv", "1.keras", "{epoch}.keras", "logs/{epoch}.keras"):
        with pytest.raises(SpecError, match="through a link"):
            placed("CSVLogger", {"filename": text}, str(run))
    assert placed("CSVLogger", {"filename": "own/{epoch}.csv"}, str(run))


@pytest.mark.parametrize("name", ["RemoteMonitor", "LambdaCallback", "BackupAndRestore", "LearningRateScheduler"])
def test_callbacks_that_reach_elsewhere_cannot_stand_in_a_spec_finding_S1(name: str) -> None:
    train = [{"phase": "a", "epochs": 1, "callbacks": [{name: {"root": "http://localhost"}}]}]
    assert [each.code for each in check_spec({"spec": 1, "train": train}, static=True)] == ["SC601"]


def test_own_classes_are_asked_for_what_is_called_like_a_file() -> None:
    head = {"spec": 1, "head": [{"mine>Words": {"vocab_file": "../words.txt", "units": "../3"}}]}
    assert [each.name for each in asked_in(head)] == ["../words.txt"]
    assert [each.code for each in misplaced("mine>Writer", {"log_dir": "../x", "monitor": "../loss"})] == ["SC612"]


def test_places_are_plain() -> None:
    assert plain_place(("train", 0, "callbacks", 1)) == ("train", "callbacks")
    assert set(FUNCTIONS) == {key for _, _, key, record in arguments() if record.get("kind") == "function"}


def test_a_large_spec_is_judged_at_once() -> None:
    """Every value of it, as often as a spec may have values."""
    layers = [
        {"Dense": {"units": 3, "kernel_initializer": {"HeNormal": {"seed": n}}, "name": f"d{n}"}} for n in range(4000)
    ]
    start = time.monotonic()
    assert list(_code({"spec": 1, "head": layers})) == []
    assert list(asked_in({"spec": 1, "head": layers})) == []
    assert time.monotonic() - start < 1
