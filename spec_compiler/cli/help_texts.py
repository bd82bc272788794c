"""What help says beside what the options say themselves: groups of commands and options, examples, exit statuses.

`documented` shows it on a terminal, `man` writes it as a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

COMMAND_GROUPS: Mapping[str, Mapping[str, str]] = {
    "Write a spec": {
        "init": "Write a commented spec to begin from",
        "check": "Say what is wrong with specs, and mend it",
        "explain": "Explain a code, a section or a key",
        "bases": "List all applications, with size and accuracy",
        "layers": "List the layers of a base, by number and name",
        "schema": "Print the JSON Schema of specs, for editors",
        "completion": "Print what makes a shell complete commands and names",
    },
    "Change a model": {
        "plan": "Show what a spec would change",
        "diagram": "Draw the model before and after, or write a report",
        "build": "Make the model, with the ledger of its weights",
        "lock": "Write down all that a spec depends on",
        "apply": "Build exactly what a plan has shown",
        "verify": "Say whether a model is what its spec makes",
        "diff": "Compare two models",
    },
    "Train and use it": {
        "train": "Train a spec through its phases",
        "sweep": "Train a spec with several values, and keep the best",
        "evaluate": "Say how good a trained model is",
        "predict": "Classify images with a saved model",
        "features": "Write what a model puts out for images",
        "export": "Make an ONNX, SavedModel, LiteRT or OpenVINO model",
    },
}

# By the names of their parameters, in the order of the help. What stands nowhere is shown first, under "Options".
OPTION_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Its spec": ("overrides", "policy", "locked", "lock"),
    "How images are read": ("labels", "size", "interpolation", "preprocess", "batch_size"),
    "Output": ("output", "ledger", "adapters", "format_", "view", "unfold", "context", "force", "quiet"),
    "Files of strangers": ("allow_code", "restrict_paths", "sandbox"),
}


class Example(NamedTuple):
    """A call, and what it is for."""

    words: str
    says: str


EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "init": (
        Example("init VGG16", "a spec for ten classes"),
        Example("init MobileNetV2 --data photos/ -o birds.yaml", "for the folders of these photographs"),
    ),
    "check": (
        Example("check spec.yaml", "all that can be known without building"),
        Example("check --static specs/*.yaml --format sarif", "without Keras, for code scanning"),
        Example("check spec.yaml --fix --diff", "what could be mended"),
    ),
    "explain": (
        Example("explain SC201", "what a code means"),
        Example("explain prune.keep", "what a key says"),
    ),
    "bases": (Example("bases --sort cost", "the cheapest first"),),
    "layers": (
        Example("layers VGG16", "of an application"),
        Example("layers spec.yaml --after", "of what a spec makes"),
    ),
    "schema": (Example("schema > model-spec.schema.json", "for an editor"),),
    "completion": (
        Example("completion bash >> ~/.bashrc", "in every new bash"),
        Example("completion fish > ~/.config/fish/completions/spec-compiler.fish", "in every new fish"),
    ),
    "plan": (
        Example("plan spec.yaml", "what changes"),
        Example("plan spec.yaml --set base.weights=null --format markdown", "for a pull request"),
        Example("plan spec.yaml -o plan.json", "for `apply`"),
    ),
    "diagram": (
        Example("diagram spec.yaml -o model.svg --view diff", "a picture of the change"),
        Example("diagram spec.yaml -o report.html", "a page to look at before a training"),
    ),
    "build": (
        Example("build spec.yaml -o model.keras --prove", "a model, proven beside its base"),
        Example("build spec.yaml -o model.weights.h5", "weights alone"),
    ),
    "lock": (Example("lock spec.yaml", "then `build spec.yaml --locked -o model.keras`"),),
    "apply": (Example("apply plan.json -o model.keras", "or it says what has changed since"),),
    "verify": (
        Example("verify model.keras spec.yaml", "layer by layer"),
        Example("verify model.keras", "by the spec that the file itself names"),
    ),
    "diff": (
        Example("diff before.keras after.keras", "weights too"),
        Example("diff main.yaml mine.yaml --format markdown", "what two specs make"),
    ),
    "train": (
        Example("train spec.yaml -o runs/first", "from its first epoch"),
        Example("train spec.yaml -o runs/first --resume", "from where it was interrupted"),
    ),
    "sweep": (Example("sweep spec.yaml -o runs/search --workers 2", "two trials at a time"),),
    "evaluate": (
        Example("evaluate runs/first", "on the run's own test images"),
        Example("evaluate model.keras --data photos/ -o report", "on a folder of each class"),
    ),
    "predict": (
        Example("predict runs/first/best.keras photos/ --top 3", "three classes for each image"),
        Example("predict model.keras photos/ -o found.csv --shard 1/8", "an eighth of many"),
    ),
    "features": (Example("features model.keras photos/ -o found.npz --layer pool", "one row an image"),),
    "export": (
        Example("export runs/first -o model.onnx", "run there, and compared with Keras"),
        Example("export runs/first -o small.tflite --quantize float16", "in half of the bytes"),
    ),
}

# What 1 means, where that is not that the spec is at fault.
FAULTS: Mapping[str, str] = {
    "apply": "the plan no longer holds, or its spec is at fault",
    "bases": "not used",
    "check": "a spec has an error; warnings are none",
    "completion": "not used",
    "diff": "a spec is at fault; a difference is none",
    "evaluate": "the run's spec or data is at fault",
    "explain": "not used",
    "export": "the artefact cannot be made, or computes something else",
    "features": "the model or the images are at fault",
    "init": "the base or the data is at fault",
    "predict": "the model or the images are at fault",
    "schema": "not used",
    "train": "the spec is at fault, or a metric is not as `expect` says",
    "verify": "something is not as the spec says, or the spec is at fault",
}


def statuses(command: str) -> tuple[tuple[str, str], ...]:
    """What each exit status of a command means."""
    fault = FAULTS.get(command, "the spec is at fault")
    return (
        ("0", "all is well"),
        *([("1", fault)] if fault != "not used" else []),
        ("2", "the call or the machine is at fault: a wrong option, a full disk"),
        ("130", "interrupted; another signal is 128 and its number"),
    )
