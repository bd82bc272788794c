"""The kinds of mistakes: their codes, which never change their meaning. `pages` has what there is to say of each."""

from __future__ import annotations

from typing import Literal, NamedTuple

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


class Rule(NamedTuple):
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
        Rule("SC113", "more layers, or longer names, than a spec may make"),
        Rule("SC114", "a model that needs more memory than is left"),
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
        Rule("SC311", "a base that no output depends on"),
        Rule("SC312", "a section that nothing uses", "warning"),
        Rule("SC313", "an edit that changes nothing", "warning"),
        Rule("SC317", "a kept layer that cannot be made again"),
        Rule("SC318", "a kept layer whose changed arguments would part it from one that it shares variables with"),
        Rule("SC401", "a layer that cannot take its input"),
        Rule("SC402", "a kept layer whose weights no longer fit its input"),
        Rule("SC403", "a new layer that cannot be made from its arguments"),
        Rule("SC404", "a Flatten that makes a Dense of more than 50 million parameters", "warning"),
        Rule("SC405", "paddings that Keras chose for another size of the input", "warning"),
        Rule("SC406", "an input whose size Keras builds other layers of an application for"),
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
        Rule("SC512", "a kept layer whose state beside its variables cannot be carried over"),
        Rule("SC513", "a kept layer that computes something else than in the base"),
        Rule("SC514", "a model file that leads out of itself, or unpacks to far more than it holds"),
        Rule(
            "SC511", "a weights file of `imagenet` for which Keras builds another graph than for `imagenet`", "warning"
        ),
        # training
        Rule("SC601", "an optimizer, loss, metric or callback that Keras does not have, or a spec cannot say"),
        Rule("SC602", "a data folder that is missing, or a class without images"),
        Rule("SC603", "an image that cannot be read"),
        Rule("SC604", "data that does not fit the model: classes, image size, channels"),
        Rule("SC605", "a loss or metric that does not fit the model's output or the labels"),
        Rule("SC606", "a Python function named in `data` that is not found, or failed"),
        Rule("SC607", "a phase that would train nothing"),
        Rule("SC608", "a run that cannot be written or continued"),
        Rule("SC609", "training that Keras refused or that broke down"),
        Rule("SC610", "a pretrained base that gets pixels it was not trained on", "warning"),
        Rule("SC611", "a frozen layer that trains again once the saved model is loaded", "warning"),
        Rule("SC612", "a callback that would write outside of the run's folder, or over the run's own files"),
    )
}
