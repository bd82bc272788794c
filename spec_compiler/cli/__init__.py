"""The command line: the only place that prints."""

from spec_compiler.cli.main import main

__all__ = ["main"]
