"""What a shell is told when an argument is completed: names that are known without Keras, else files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def applications(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of Keras's applications."""
    from spec_compiler.keras_facts.catalogue import application_names  # who runs a command needs none of it here

    return _beginning(begun, application_names())


def applications_or_files(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of applications where one begins so, else files."""
    found = applications(ctx, parameter, begun) if begun else []
    return found or [CompletionItem(begun, type="file")]  # which the shell itself looks for


def explained(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Codes and names of the language."""
    from spec_compiler.diagnostics import RULES  # as above
    from spec_compiler.spec.described import names

    codes = _beginning(begun.upper(), RULES) if begun else []
    # a name with a dot is offered once its first part is there: there are hundreds
    return codes or _beginning(begun, [each for each in names() if each.count(".") <= begun.count(".")])


def layers_of_the_model(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of the layers of the saved model that the command names."""
    # Behind an option that still lacks its value click leaves the arguments where they were.
    given = (ctx.params.get("model"), *ctx.args)
    model = next((each for each in given if isinstance(each, str) and os.path.isfile(each)), None)
    if model is None:
        return []
    from spec_compiler.reading.damage import Damaged  # as above
    from spec_compiler.reading.model import config_text, parsed_config

    try:
        _, text, _ = config_text(model)
        return _beginning(begun, _layer_names(parsed_config(text))) if text is not None else []
    except (Damaged, OSError):
        return []  # the command itself says what is wrong with it


def _layer_names(config: Mapping[str, Any]) -> Iterator[str]:
    inside = config.get("config")
    layers = inside.get("layers") if isinstance(inside, Mapping) else None
    for layer in layers if isinstance(layers, list) else ():
        own = layer.get("config") if isinstance(layer, Mapping) else None
        if isinstance(own, Mapping) and isinstance(own.get("name"), str):
            yield own["name"]


def _beginning(begun: str, names: Iterable[str]) -> list[CompletionItem]:
    # A shell runs what it completes from: names of files may hold anything.
    return [CompletionItem(name) for name in names if name.startswith(begun) and name.isprintable() and name]
