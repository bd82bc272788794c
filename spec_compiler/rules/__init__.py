"""The kinds of mistakes: their codes, which never change their meaning, and what the reference page says of each.

One Markdown file a rule stands beside this module: why it is a mistake, a wrong example, a right one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning"]

FAMILIES = {
    "SC0": "YAML",
    "SC1": "fields",
    "SC2": "names",
    "SC3": "topology",
    "SC4": "shapes",
    "SC5": "weights and files",
    "SC6": "training",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake: its stable code (never reused) and what it means, in one line."""

    code: str
    title: str
    severity: Severity = "error"

    @property
    def family(self) -> str:
        """What it is about: `YAML`, `fields`, `names` and so on."""
        return FAMILIES[self.code[:3]]


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("SC001", "the file is not valid YAML"),
        Rule("SC002", "a key appears twice in one mapping"),
        Rule("SC003", "the file is empty"),
        Rule("SC004", "the file cannot be read as text"),
        Rule("SC005", "the file is larger or deeper than a spec may be"),
        Rule("SC006", "YAML that a spec does not use: tags, several documents, keys that are not text"),
        Rule("SC101", "a key that this mapping does not have"),
        Rule("SC102", "a required key is missing"),
        Rule("SC103", "a value of the wrong type or outside its range"),
        Rule("SC104", "a selector that cannot be parsed"),
        Rule("SC105", "a layer entry that is not `Class`, `Class: {arguments}` or `Class: first argument`"),
        Rule("SC106", "a layer argument that the class does not take"),
        Rule("SC107", "a layer argument with a value that the class does not take"),
        Rule("SC108", "sections or keys that exclude each other"),
        Rule("SC109", "an override (`--set`) that does not name a place in the spec"),
        Rule("SC110", "a variable (`${name}`) that `vars` does not have"),
        Rule("SC111", "a variable that nothing uses", "warning"),
        Rule("SC112", "code that a spec names and the caller has not allowed"),
        Rule("SC201", "a name or pattern that matches no layer"),
        Rule("SC202", "an unknown layer class"),
        Rule("SC203", "an unknown application"),
        Rule("SC204", "a layer name that is already taken"),
        Rule("SC205", "a selector that matches several layers where one is wanted"),
        Rule("SC206", "a layer that an earlier section took away"),
        Rule("SC207", "a selector that matched another number of layers than `expect` says"),
        Rule("SC208", "a layer that is called more than once, named without a call index"),
        Rule("SC301", "a range whose ends no path connects"),
        Rule("SC302", "a region that shares a tensor with the rest of the model"),
        Rule("SC303", "an edit at a place where the graph does not allow it"),
        Rule("SC304", "a base whose graph cannot be read"),
        Rule("SC305", "an edit that separates the calls of a shared layer", "warning"),
        Rule("SC306", "a new layer that no output depends on"),
        Rule("SC307", "a head on top of a softmax", "warning"),
        Rule("SC308", "a freeze that leaves nothing to train", "warning"),
        Rule("SC309", "a BatchNormalization that trains above a frozen convolution", "warning"),
        Rule("SC310", "a section that another one makes pointless", "warning"),
        Rule("SC401", "a layer that cannot take its input"),
        Rule("SC402", "a kept layer whose weights no longer fit its input"),
        Rule("SC403", "a new layer that cannot be made from its arguments"),
        Rule("SC404", "a Flatten that makes a Dense of more than 50 million parameters", "warning"),
        Rule("SC501", "a file that is missing"),
        Rule("SC502", "a file that cannot be read as what it should be"),
        Rule("SC503", "a weights file of another model"),
        Rule("SC504", "a weights file that could not be downloaded"),
        Rule("SC505", "a base that could not be built from its arguments"),
        Rule("SC506", "a weight map entry that does not fit"),
        Rule("SC507", "a kept layer that the weight map leaves out", "warning"),
        Rule("SC508", "a file that already exists, or a place that cannot be written"),
        Rule("SC509", "a layer whose code a saved file would carry", "warning"),
        Rule("SC510", "a path that leaves the spec's folder"),
        # training
        Rule("SC601", "an optimizer, loss, metric or callback that Keras does not have"),
        Rule("SC602", "a data folder that is missing, or a class without images"),
        Rule("SC603", "an image that cannot be read"),
        Rule("SC604", "data that does not fit the model: classes, image size, channels"),
        Rule("SC605", "a loss or metric that does not fit the model's output or the labels"),
        Rule("SC606", "a Python function named in `data` that is not found, or failed"),
        Rule("SC607", "a phase that would train nothing"),
        Rule("SC608", "a run that cannot be written or continued"),
        Rule("SC609", "training that Keras refused or that broke down"),
    )
}


@dataclass(frozen=True, slots=True)
class Example:
    """Files by name, `spec.yaml` and modules beside it, and what a user types; most say only a spec, to be checked.

    `text` shows what differs from the other example of the rule: a right one may have the wrong one's spec.
    """

    text: str
    files: Mapping[str, str] = field(hash=False)
    commands: tuple[str, ...] = ("spec-compiler check spec.yaml",)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about a rule: why it is a mistake, a wrong example and a right one."""

    rule: Rule
    text: str
    wrong: Example
    right: Example


def explanation(code: str) -> Explanation:
    """The explanation of a rule, from its page.

    >>> explanation("SC508").right.commands
    ('spec-compiler build spec.yaml -o model.keras --force',)

    Raises:
        KeyError: there is no such rule.
    """
    rule = RULES[code]
    page = (Path(__file__).parent / f"{code}.md").read_text(encoding="utf-8")
    text, wrong, right = re.split(r"^(?:Wrong|Right):$", page, flags=re.M)
    first = _example(wrong, {})
    return Explanation(rule, text.strip(), first, _example(right, first.files))


def _example(part: str, files: Mapping[str, str]) -> Example:
    """The example that the blocks of a page say; `files` are there already."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", part, re.M | re.S)
    own = {_file_name(kind, block): block for kind, block in blocks if kind != "console"}
    commands = re.findall(r"^\$ (.*)$", "".join(block for kind, block in blocks if kind == "console"), re.M)
    example = Example("\n".join(block for _, block in blocks), {**files, **own})
    return replace(example, commands=tuple(commands)) if commands else example


def _file_name(kind: str, block: str) -> str:
    """The file that a block is: the spec, or the module that its first line names, as in `# my_layers.py`."""
    return "spec.yaml" if kind == "yaml" else block.split("\n", 1)[0].removeprefix("# ")


def reference() -> str:
    """The reference page of all rules, `docs/rules.md`."""
    lines = [
        "# Rules",
        "",
        "Generated by `python -m spec_compiler.rules`; `spec-compiler explain SC201` prints one.",
        "",
    ]
    family = None
    for code in sorted(RULES):
        rule = RULES[code]
        if rule.family != family:
            family = rule.family
            lines += [f"## {family[0].upper()}{family[1:]}", ""]
        lines += [f"### {code}: {rule.title}", "", *(["A warning.", ""] if rule.severity == "warning" else [])]
        lines += [(Path(__file__).parent / f"{code}.md").read_text(encoding="utf-8").strip(), ""]
    return "\n".join(lines).rstrip() + "\n"
