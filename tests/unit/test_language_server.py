"""The schema in the real yaml-language-server: what it completes, explains and underlines, driven over its protocol."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spec_compiler.spec.schema import schema_file
from tests.unit.language_server import LanguageServer

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "tests" / "node" / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js")
FILE = "file:///specs/model.yaml"


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    settings = {
        "yaml": {
            "schemas": {schema_file().resolve().as_uri(): ["*.yaml"]},
            "completion": True,
            "hover": True,
            "validate": True,
            "schemaStore": {"enable": False},
        }
    }
    assert NODE is not None
    assert SERVER.exists(), "run `make node`"
    server = LanguageServer([NODE, str(SERVER), "--stdio"], settings)
    capabilities = {
        "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
        "textDocument": {
            "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
            "hover": {"contentFormat": ["markdown"]},
            "publishDiagnostics": {},
        },
    }
    server.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
    server.tell("initialized", {})
    server.tell("workspace/didChangeConfiguration", {"settings": settings})
    underlined(server, "spec: 1\n", "first")  # the schema is read by now
    yield server
    server.close()


def opened(server: LanguageServer, text: str, name: str) -> str:
    """The address of a file that the editor has opened with a text."""
    uri = FILE.replace("model", name)
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    server.tell("textDocument/didOpen", {"textDocument": document})
    return uri


def end_of(text: str, after: str) -> dict[str, int]:
    """The place behind some words."""
    before = text[: text.index(after) + len(after)]
    return {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}


def completions(server: LanguageServer, text: str, after: str, name: str) -> dict[str, Any]:
    uri = opened(server, text, name)
    found = server.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": end_of(text, after)})
    items = found["items"] if isinstance(found, dict) else found
    return {item["label"]: item for item in items}


def documentation(item: dict[str, Any]) -> str:
    found = item.get("documentation", "")
    return str(found["value"] if isinstance(found, dict) else found)


@pytest.mark.parametrize("end", ["", "}\n"], ids=["open", "closed"])
def test_completes_an_argument_with_its_documentation(server: LanguageServer, end: str) -> None:
    text = f"spec: 1\nhead:\n  - Conv2D: {{kern{end}"
    items = completions(server, text, "{kern", f"arguments{len(end)}")
    assert "kernel_size" in items
    assert "size of the convolution window" in documentation(items["kernel_size"])


def test_completes_arguments_in_block_style(server: LanguageServer) -> None:
    text = "spec: 1\nhead:\n  - Dense:\n      un\n"
    assert "units" in completions(server, text, "      un", "block")


def test_completes_layers_sections_and_applications(server: LanguageServer) -> None:
    assert "GlobalAveragePooling2D" in completions(server, "spec: 1\nhead:\n  - Glob\n", "Glob", "layers")
    sections = completions(server, "spec: 1\ncut\n", "cut", "sections")
    assert "model's output" in documentation(sections["cut_at"])
    assert "ResNet50" in completions(server, "spec: 1\nbase: {application: Res}\n", "Res", "applications")


def test_completes_the_sections_of_a_step(server: LanguageServer) -> None:
    items = completions(server, "spec: 1\nsteps:\n  - cut_at: a\n  - cut\n", "a\n  - cut", "steps")
    assert "model's output" in documentation(items["cut_at"])
    assert "compile" not in items
    inside = "spec: 1\nsteps:\n  - insert:\n      - aft\n"
    assert "after" in completions(server, inside, "      - aft", "inside")


def test_underlines_a_section_beside_steps(server: LanguageServer) -> None:
    assert underlined(server, "spec: 1\nsteps:\n  - cut_at: a\nfreeze: base\n", "beside")
    assert not underlined(server, "spec: 1\nsteps:\n  - cut_at: a\n  - freeze: base\nhead:\n", "alone")


def test_hover_explains_a_section(server: LanguageServer) -> None:
    text = "spec: 1\ncut_at: block4_pool\n"
    uri = opened(server, text, "hover")
    position = {"line": 1, "character": 2}
    found = server.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
    contents = found["contents"]
    shown = contents["value"] if isinstance(contents, dict) else str(contents)
    assert "whose output becomes the model's output" in shown.replace("&#x20;", " ")


def test_hover_explains_an_argument(server: LanguageServer) -> None:
    text = "spec: 1\nhead:\n  - Conv2D: {filters: 8, kernel_size: 3}\n"
    uri = opened(server, text, "hover_argument")
    position = end_of(text, "kernel_s")
    found = server.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
    assert "convolution window" in str(found["contents"])


def test_underlines_a_misspelt_section(server: LanguageServer) -> None:
    text = "spec: 1\nbase: {application: VGG16}\nfrezze: block1_pool\n"
    assert [each["range"]["start"] for each in underlined(server, text, "misspelt")] == [{"line": 2, "character": 0}]


def test_underlines_nothing_in_an_example(server: LanguageServer) -> None:
    text = (ROOT / "specs" / "vgg16_unet.yaml").read_text(encoding="utf-8").split("\n", 1)[1]
    assert underlined(server, text, "example") == []


def underlined(server: LanguageServer, text: str, name: str) -> list[dict[str, Any]]:
    """What the server says of a file once it has read it."""
    uri = opened(server, text, name)
    while True:
        message = server.next()
        if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
            return list(message["params"]["diagnostics"])
