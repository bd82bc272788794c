"""Where a spec names files and Python modules: the declarations, and the walk over all of its data that follows them.

A field or argument that names a file stands here or is none: a test walks the language's models and the catalogue, and
fails for every text that is not declared either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spec_compiler.diagnostics import Path
from spec_compiler.edits import EDITS, SECTIONS
from spec_compiler.keras_facts import catalogue
from spec_compiler.keras_facts.function_names import is_function, is_own
from spec_compiler.keras_facts.side_effects import FUNCTIONS, READS, READS_OF_OWN, WRITES, Purpose
from spec_compiler.language.adapted import BY_NAMES
from spec_compiler.language.places import in_section
from spec_compiler.text.plain_data import mappings
from spec_compiler.text.source import walked

LORA = ("lora", "weights")  # a file of adapters
# Fields of the language: their place in a spec, `*` standing for the name of one of several bases.
FIELDS: Mapping[tuple[str, ...], Purpose] = {
    **{
        (*base, *key): "file"
        for base in (("base",), ("bases", "*"))
        for key in (("file",), ("spec",), ("weights",), ("weights", "file"))
    },
    **{(*base, "python"): "module" for base in (("base",), ("bases", "*"))},
    ("imports",): "module",
    **{("set", "weights", word, key): "file" for word in BY_NAMES for key in ("old", "new")},
    LORA: "file",
    ("data", "train"): "folder",
    ("data", "validation"): "folder",
    ("data", "test"): "folder",
}
OF_AN_ENTRY = ("from", "layer")  # what a new layer's entry says with names of layers
# Places that hold names of layers and words, with all below them: no class and no file stands there.
WORDS: tuple[tuple[str, ...], ...] = (
    ("name",),
    ("description",),
    ("bases", "*", "weights", "map"),
    ("base", "weights", "map"),
    ("input", "name"),
    ("compile", "learning_rates", "layers"),
    ("compile", "no_weight_decay"),
    ("fit", "monitor"),
    ("train", "phase"),
    ("train", "monitor"),
    ("train", "freeze"),
    ("train", "unfreeze"),
    ("expect",),
    *(("data", key) for key in ("inputs", "targets", "sample_weight", "split", "class_weight")),
    ("sweep", "monitor"),
    *((section.key, name) if name else (section.key,) for section in SECTIONS for name in section.names),
    *((each.key, *each.new_layers, key) for each in SECTIONS if each.new_layers is not None for key in OF_AN_ENTRY),
)
_SECTIONS = {place[0] for place in FIELDS}
_WORDS_BY_SECTION = {place[0]: [each for each in WORDS if each[0] == place[0]] for place in WORDS}


_KEYS = (("old",), ("new",))  # where names stand below a strategy

# Arguments of Keras's classes whose text is data, whatever it looks like.
TEXTS = (*READS, *WRITES.values(), "mask_token", "oov_token", "monitor")


class Asked(NamedTuple):
    """A file, folder or module that a spec names, and where."""

    path: Path
    name: str
    purpose: Purpose


def plain_place(path: Path) -> tuple[str, ...]:
    """A place as the declarations have it: without indices and `steps`, `*` for the name of one of several bases.

    >>> plain_place(("bases", "left", "weights")), plain_place(("steps", 1, "head", 0, "Dense"))
    (('bases', '*', 'weights'), ('head', 'Dense'))
    """
    section = in_section(path)
    keys = tuple(key for key in (section if section[:1] and section[0] in EDITS else path) if isinstance(key, str))
    return ("bases", "*", *keys[2:]) if len(keys) > 1 and keys[0] == "bases" else keys


def is_word(path: Path) -> bool:
    """Whether what stands at a place is a name or a word, whatever it says."""
    place = plain_place(path)
    if place[-1:] == ("name",) or (isinstance(path[-1], int) and is_names(path[:-1])):
        return True
    return any(place[: len(each)] == each for each in _WORDS_BY_SECTION.get(place[0] if place else "", ()))


def has_lists(data: Any) -> bool:
    """Whether a spec may name vocabularies or files of names: sooner seen than what all of it asks for."""
    keys = {"vocabulary", *BY_NAMES}
    return any(not keys.isdisjoint(each) for each in mappings(data))


def is_names(path: Path) -> bool:
    """Whether names stand at a place, or the name of a file of them, beside a new layer or in `set`.

    >>> is_names(("head", 0, "weights", "classes", "old")), is_names(("head", 0, "Dense", "weights", "classes", "old"))
    (True, False)
    """
    if path[-1:] not in _KEYS or path[-3:-2] != ("weights",) or path[-2] not in BY_NAMES or len(path) < 4:
        return False
    return in_section(path)[0] in EDITS and (isinstance(path[-4], int) or path[-4] in (*EDITS, "with"))


def is_plain_text(path: Path) -> bool:
    """Whether a text is no code though it may look like `module:Name`: a file's name, or data of a class of Keras's."""
    place = plain_place(path)
    if is_names(path):
        return True
    if place in FIELDS:
        return FIELDS[place] != "module"
    of_keras = len(place) > 1 and (place[-2] == "config" or catalogue.class_record(place[-2]) is not None)
    return of_keras and place[-1] in TEXTS


def asked_in(data: Any) -> Iterator[Asked]:
    """Everything that a spec's data asks to read, less what installed packages ship and Keras downloads.

    >>> [each.name for each in asked_in({"head": [{"StringLookup": {"vocabulary": "words.txt"}}]})]
    ['words.txt']
    """
    for path, value in walked(data):
        if isinstance(value, Mapping) and path:
            own = [name for name in value if isinstance(name, str) and is_function(name)]
            if own and not is_word(path):  # which takes longer to see
                yield from (Asked((*path, name), name.partition(":")[0], "module") for name in own)
        if not isinstance(value, str) or not _may_ask(path, value) or is_word(path):
            continue
        purpose = _purpose(path, value)
        if purpose is None:
            continue
        if "weights" in path and not is_names(path) and plain_place(path) != LORA:
            value = value.strip()  # as the language reads it
            if value.startswith("package:") or value == "imagenet":
                continue
        if purpose == "folder" and path[0] == "data" and is_function(value):
            purpose = "module"
        if purpose != "module":
            yield Asked(path, value, purpose)
        elif is_function(value) or path[0] == "imports":
            yield Asked(path, value.partition(":")[0], "module")


def _may_ask(path: Path, text: str) -> bool:
    """Whether a text may name a file or a module, which nearly none does, by what is seen at once."""
    key = next((each for each in reversed(path) if isinstance(each, str)), "")
    named = (key,) in _KEYS or key in FUNCTIONS or key in READS or READS_OF_OWN.search(key) is not None
    return named or ":" in text or path[0] in _SECTIONS


def _purpose(path: Path, text: str) -> Purpose | None:
    """What a text at a place of a spec is, where it names a file or a module."""
    place = plain_place(path)
    if is_names(path):
        return "file"
    if place in FIELDS:
        return FIELDS[place]
    if is_function(text.strip()) and not is_plain_text(path):
        return "module"
    if place[0] in ("base", "bases", "train", "fit", "compile"):  # what callbacks write is judged by where the run is
        return None
    if place[-1] in FUNCTIONS:
        return "module"
    if any(is_own(each) for each in place[:-1]) and READS_OF_OWN.search(place[-1]):
        return "file"
    return READS.get(place[-1])
