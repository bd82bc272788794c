"""What `build` and `apply` do alike: a model is compiled and written with its ledger, and what became of it is told."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

from spec_compiler.building.model_file import build_spec, check_shard_size, ready_all
from spec_compiler.cli.options import Command, forced_option
from spec_compiler.cli.progress import progress
from spec_compiler.cli.rendered import render_all
from spec_compiler.cli.show import ledger_text, plan_text
from spec_compiler.cli.terminal import NEWLINE, echo
from spec_compiler.files.outputs import ledger_name
from spec_compiler.locking import Locked
from spec_compiler.spec import Spec
from spec_compiler.spec.output_paths import check_outputs
from spec_compiler.spec.permissions import Permissions


@dataclass(frozen=True)
class Outputs:
    """What a build writes, and what it is asked besides."""

    output: str
    ledger: str | None
    adapters: str | None
    max_shard_size: float | None
    prove: bool
    probe: str | None
    force: bool

    @property
    def ledger_file(self) -> str:
        """Where the ledger goes."""
        return self.ledger or ledger_name(self.output)

    @property
    def files(self) -> tuple[str, ...]:
        """All that is written."""
        return (self.output, self.ledger_file, *([self.adapters] if self.adapters else []))

    def ready(self) -> None:
        """Proves, before any work, that all may be written.

        Raises:
            SpecError: SC508.
        """
        check_outputs(self.files)
        ready_all(self.files, self.force)
        check_shard_size(self.output, self.max_shard_size)


def build_options(command: Command) -> Command:
    """Adds the options that say what a build writes, and how."""
    file = click.Path(dir_okay=False)
    options = [
        click.option(
            "-o",
            "--output",
            required=True,
            type=file,
            help="The model, `.keras` or legacy `.h5`, or its weights: `.weights.h5`, `.weights.json`, `.safetensors`.",
        ),
        click.option(
            "--ledger", type=file, help="Where the weight ledger goes  [default: beside the model, as .ledger.json]"
        ),
        click.option("--adapters", type=file, help="Also save what LoRA holds, by itself, to this `.npz` file."),
        click.option(
            "--max-shard-size",
            type=float,
            metavar="GB",
            help="The largest size of each file, for weights in `.weights.json`  [default: 5]",
        ),
        click.option(
            "--prove", is_flag=True, help="Run base and result: kept layers bit for bit, promises of adapted weights."
        ),
        click.option("--probe", type=click.Path(), help="Prove it on the images in this folder, not on random inputs."),
        forced_option,
    ]
    return functools.reduce(lambda made, option: option(made), reversed(options), command)


def build_files(
    load: Callable[[], Spec],
    outputs: Outputs,
    allowed: Permissions,
    *,
    locked: Locked = False,
    overrides: tuple[str, ...] = (),
) -> None:
    """Builds the spec that `load` gives and writes all of it or nothing.

    Raises:
        SpecError: the spec is at fault, or a file cannot be written.
    """
    with progress("building"):
        built = build_spec(
            load(),
            outputs.output,
            ledger=outputs.ledger_file,
            adapters=outputs.adapters,
            max_shard_size=outputs.max_shard_size,
            overrides=overrides,
            allow_code=allowed.code,
            restrict_paths=not allowed.paths,
            prove=outputs.prove,
            probe=outputs.probe,
            force=outputs.force,
            locked=locked,
        )
    echo(plan_text(built.plan))
    echo()
    echo(ledger_text(built.weights))
    if built.warnings:
        echo(NEWLINE + render_all(built.warnings), err=True)
    echo(f"saved {', '.join(outputs.files[:-1])} and {outputs.files[-1]}")
